import { execFile, type ChildProcess, type ExecFileException } from 'node:child_process'
import { createRequire } from 'node:module'
import { startSystem, type System } from '@freshet/demo'
import { AppliedWatch, eventually, metricOf } from '@freshet/testing/live'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

const MEMBERS = 700
const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')

let system: System
let pool: pg.Pool

beforeAll(async () => {
  system = await startSystem({ members: MEMBERS, payments: 2 * MEMBERS, apis: 1 })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
  const watch = new AppliedWatch(pool, system.stack.redisUrl)
  await watch.applied(60_000) // a partition that is read for the first time is a gap, which fences what was warmed
  await watch.close()
})
afterAll(async () => {
  await pool?.end()
  await system?.stop()
})

/** Runs `freshet warm`; `started` is given the process. */
function warm(
  argv: readonly string[],
  started: (child: ChildProcess) => void = () => undefined,
): Promise<{ readonly exitCode: number; readonly printed: string; readonly noted: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [freshet, 'warm', ...argv],
      { env: { ...process.env, ...system.environment }, cwd: import.meta.dirname },
      (error: ExecFileException | null, printed, noted) =>
        resolve({ exitCode: error ? Number(error.code) : 0, printed, noted }),
    )
    started(child)
  })
}

const countsOf = (printed: string) => JSON.parse(printed) as { keys: number; warmed: number; fresh: number }
const inLoading = () => metricOf(system.warmerUrl ?? '', 'freshet_warmer_jobs', { state: 'active' })

it('a template is warmed whole, and what is fresh is left alone', async () => {
  const first = await warm(['--template', 'balance', '--json'])
  expect(first.noted).toContain('members-api/balance: keys from public.members (id)')
  expect(first).toMatchObject({ exitCode: 0 })
  expect(countsOf(first.printed)).toMatchObject({ keys: MEMBERS, warmed: MEMBERS, fresh: 0 })
  const again = await warm(['--template', 'balance', '--json'])
  expect(countsOf(again.printed)).toMatchObject({ keys: MEMBERS, warmed: 0, fresh: MEMBERS })

  await pool.query('update members set name = name || $1 where id = 7', ['!'])
  await eventually(
    async () => {
      const { warmed, fresh } = countsOf((await warm(['--template', 'balance', '--json'])).printed)
      return { warmed, fresh }
    },
    { warmed: 1, fresh: MEMBERS - 1 },
  )
})

it('all templates are warmed that can be listed, and the others are named with what would help', async () => {
  const { exitCode, printed, noted } = await warm(['--all'])
  expect(exitCode).toBe(0)
  expect(printed).toMatch(/profile +700 /)
  expect(printed).toMatch(/summary +700 +700 /)
  for (const left of ['transactions', 'list', 'ofOrg', 'revenue', 'statement'])
    expect(noted).toContain(`left out: members-api/${left}: {query} can be anything`)
  expect(noted).toContain('left out: members-api/report: no rule binds all its parameters')
  const refused = await warm(['--template', 'list'])
  expect(refused).toMatchObject({ exitCode: 1 })
  expect(refused.noted).toContain('There are no keys to warm:\nmembers-api/list: {query} can be anything')
})

it('the keys that are read most are warmed', async () => {
  const url = system.apis[0]?.url ?? ''
  for (let reads = 0; reads < 5; reads++)
    for (const id of [1, 2, 3]) expect((await fetch(`${url}/members/${id}/balance`)).status).toBe(200)
  await eventually(async () => {
    const { printed } = await warm(['--top', '3', '--json'])
    return printed === '' ? undefined : countsOf(printed).keys
  }, 3)
})

it('Ctrl-C ends a run that hangs, with what it has done so far, and leaves nothing in the queue', async () => {
  await pool.query(`update members set name = name || '?'`)
  const held = await pool.connect()
  try {
    const listed = Promise.withResolvers<ChildProcess>()
    await held.query('begin')
    await held.query('lock table payments in access exclusive mode')
    const run = warm(['--template', 'balance', '--json'], (child) =>
      child.stderr?.once('data', () => listed.resolve(child)),
    )
    const child = await listed.promise
    await eventually(async () => (await inLoading()) > 0, true)
    child.kill('SIGINT')
    const { exitCode, printed } = await run
    expect(exitCode).toBe(130)
    expect(countsOf(printed)).toMatchObject({ isInterrupted: true })
  } finally {
    await held.query('rollback')
    held.release()
  }
  const jobs = (state: string) => metricOf(system.warmerUrl ?? '', 'freshet_warmer_jobs', { state })
  await eventually(() => Promise.all(['waiting', 'active', 'delayed'].map(jobs)), [0, 0, 0])
})

it('after a gap what was read most is warmed up, before anyone asks for it', async () => {
  const url = system.apis[0]?.url ?? ''
  const redis = new Redis(system.stack.redisUrl)
  try {
    for (let reads = 0; reads < 3; reads++)
      for (const id of [11, 12]) expect((await fetch(`${url}/members/${id}/balance`)).status).toBe(200)
    const noted = async () => (await redis.hvals('{default}:hot-hours')).join()
    await eventually(async () => /member:11:balance.*member:12:balance/.test(await noted()), true, 90_000)
    const asked = () => metricOf(system.invalidationUrl, 'freshet_invalidation_warm_up_keys_total', {})
    const before = await asked()
    await pool.query('alter table members add column nobody_reads_this int') // the table is another: a gap
    await eventually(async () => (await asked()) >= before + 2, true, 60_000)
    const { printed } = await warm(['--top', '40', '--json'])
    expect(countsOf(printed), 'left for the run').toMatchObject({ failed: 0, refused: 0 })
    expect(countsOf(printed).fresh).toBeGreaterThanOrEqual(2)
  } finally {
    redis.disconnect()
  }
}, 240_000)
