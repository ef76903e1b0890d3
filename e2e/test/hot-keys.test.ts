import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { startSystem, type System } from '@freshet/demo'
import { eventually, metricOf } from '@freshet/testing/live'
import { afterAll, beforeAll, expect, it } from 'vitest'

const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')

let system: System

beforeAll(async () => {
  system = await startSystem({ members: 20, payments: 40 })
})
afterAll(() => system?.stop())

const balanceOf = (id: number) => `member:${id}:balance`

async function read(url: string, path: string, times: number): Promise<void> {
  for (let one = 0; one < times; one++) {
    const response = await fetch(`${url}${path}`)
    expect(response.status).toBe(200)
    await response.arrayBuffer()
  }
}

const readBalance = async (id: number, timesEach: number): Promise<void> => {
  for (const { url } of system.apis) await read(url, `/members/${id}/balance`, timesEach)
}

const metric = (name: string, labels: Readonly<Record<string, string>>): Promise<number> =>
  metricOf(system.invalidationUrl, name, labels)
const hotBalances = () => metric('freshet_hot_keys', { template: 'balance' })

async function readsOf(template: string): Promise<number> {
  const counts = ['l1', 'l2', 'missed'].map((outcome) => metric('freshet_cache_reads_total', { template, outcome }))
  return (await Promise.all(counts)).reduce((sum, count) => sum + count)
}

async function hotByCommand(): Promise<readonly (readonly [key: string, count: number, hot: boolean])[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [freshet, 'hot', '--top', '2', '--json'], {
    env: { ...process.env, ...system.environment },
    cwd: import.meta.dirname,
  })
  const { keys } = JSON.parse(stdout) as { keys: { key: string; count: number; hot: boolean }[] }
  return keys.map(({ key, count, hot }) => [key, count, hot])
}

it('a key that two processes read 60 times each is hot, one that they read 40 times each is not, also after a restart', async () => {
  await readBalance(7, 60)
  await readBalance(8, 40)
  await eventually(() => readsOf('balance'), 200)
  await eventually(hotBalances, 1)
  expect(await hotByCommand()).toEqual([
    [balanceOf(7), 120, true],
    [balanceOf(8), 80, false],
  ])

  const { invalidation } = system.services
  await invalidation.kill('SIGKILL')
  await invalidation.start()
  await eventually(hotBalances, 1)

  await readBalance(8, 11)
  await eventually(hotBalances, 2)
  expect(await hotByCommand()).toEqual([
    [balanceOf(7), 120, true],
    [balanceOf(8), 102, true],
  ])
})

it('what a process has read last is counted also when it is stopped', async () => {
  const [, last] = system.apis
  if (last === undefined) throw new Error('there is no second instance')
  const before = await readsOf('profile')
  await read(last.url, '/members/9', 5)
  await last.process.stop()
  await eventually(() => readsOf('profile'), before + 5)
})
