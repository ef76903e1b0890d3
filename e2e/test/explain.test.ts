import { main } from '@freshet/cli'
import type { System } from '@freshet/demo'
import { stackEnvironment } from '@freshet/local-stack'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fillEverywhere } from '../src/fencing/layers.js'
import { startTestSystem } from '../src/test-system.js'

let system: System
let pool: pg.Pool
let watch: AppliedWatch

beforeAll(async () => {
  system = await startTestSystem({
    members: 3,
    payments: 9,
    apis: 1,
    warmer: false, // it would fill at once what is to be seen fenced
    environment: { FRESHET_DEMO: 'true' },
  })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
  watch = new AppliedWatch(pool, system.stack.redisUrl)
})

afterAll(async () => {
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

/** A command line of `freshet`, as a shell would run it. */
async function freshet(...argv: readonly string[]): Promise<{ readonly exitCode: number; readonly printed: string }> {
  const printed: string[] = []
  const print = (line: string): void => void printed.push(line)
  const exitCode = await main(argv, stackEnvironment(system.stack), { print, note: print })
  return { exitCode, printed: printed.join('\n').replace(/ +/g, ' ') }
}

const report = '/reports/organizations/1'
const places = [
  { key: { template: 'balance', parameters: { id: 1 } }, path: '/members/1/balance' },
  { key: { template: 'report', parameters: { organizationId: 1 } }, path: report },
] as const

it('explain says of a key what governs it, that its value is fresh, and after a change which tag says why it is not', async () => {
  await fillEverywhere(system.apis, places)
  const { exitCode, printed } = await freshet('explain', 'member:1:balance', '--loaders', '@freshet/members-catalog')
  expect(exitCode).toBe(0)
  expect(printed).toContain('member:1:balance: balance of members-api@1, member:{id}:balance\n id = 1\n has a loader')
  expect(printed).toMatch(
    /in force since [0-9A-F]+\/[0-9A-F]+\n Redis holds a fresh value, loaded \S+ ago, ttl 3600s\n/,
  )
  expect(printed).toMatch(/\nmember:1:\* \S+ the same\n/)
  expect(printed).toContain(
    'members-api@1 rule 1 (balance) public.payments: changed amount, currency; status = "completed"',
  )

  await pool.query(`insert into payments (member_id, amount, status) values (1, 5, 'completed')`)
  await watch.applied()
  const after = await freshet('explain', 'member:1:balance')
  expect(after.printed).toMatch(
    /Redis holds a value that is not served, .*: member:1:balance was fenced since, or evicted\n/,
  )
  expect(after.printed).toMatch(/\nmember:1:balance none \S+\n/)
})

it('explain shows the tags that a value inherited, by which it is fenced though no rule names it', async () => {
  await fillEverywhere(system.apis, places)
  expect((await freshet('explain', 'reports:organization:1')).printed).toMatch(
    /\nstatements:\* \S+ the same of its value\n/,
  )
  await pool.query(`update members set name = 'Ada' where id = 1`)
  await watch.applied()
  await eventually(async () => {
    const { printed } = await freshet('explain', 'reports:organization:1', '--json')
    const [explained] = JSON.parse(printed) as [{ cached: { value: { state: string; tag: string } } }]
    return [explained.cached.value.state, explained.cached.value.tag]
  }, ['not fresh', 'statements:*'])
})

it('explain names the nearest templates of the registered catalogs for a key of none', async () => {
  const { exitCode, printed } = await freshet('explain', 'member:1:balnce')
  expect(printed).toContain('the nearest are member:{id}:balance, ')
  expect(exitCode).toBe(1)
})
