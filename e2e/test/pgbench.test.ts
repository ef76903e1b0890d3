import { setTimeout as delay } from 'node:timers/promises'
import { startSystem, type System } from '@freshet/demo'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sized } from '../src/full-size.js'
import { findPgbench, rowsOfHistory, type Pgbench } from '../src/pgbench/pgbench.js'
import { countChanges, type Counted } from '../src/reading/tally.js'
import { registerCatalog } from '../src/register-catalog.js'

const topics = ['account', 'branch', 'teller', 'history'].map((entity) => `${entity}.changes.v1`)

let system: System
let pool: pg.Pool
let pgbench: Pgbench

beforeAll(async () => {
  pgbench = await findPgbench()
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 1 })
  await pgbench.initialise(system.stack.postgresUrl)
  print(await registerCatalog('pgbench.catalog.json', system.environment))
})
afterAll(async () => {
  await pool?.end()
  await system?.stop()
})

it('each row that pgbench wrote is exactly one record', async () => {
  await pgbench.write(system.stack.postgresUrl, { clients: 4, seconds: sized(20, 5) })
  const rows = await rowsOfHistory(pool)
  const counted = await count()
  print(`calm, ${pgbench.name}: ${rows} rows in pgbench_history; records: ${textOf(counted, ({ records }) => records)}`)
  expect(rows).toBeGreaterThan(100)
  for (const topic of topics) expect(counted.get(topic), topic).toEqual({ records: rows, distinct: rows })
})

it('a listener, a service and a broker that are killed under load lose no row; what comes twice has the same id', async () => {
  const { listener, invalidation } = system.services
  const { kafka } = system.stack.servers
  const enough = new AbortController()
  const load = { clients: 4, seconds: 110, signal: enough.signal }
  const writing = pgbench.write(system.stack.postgresUrl, load)
  const atLeast = delay(sized(20_000, 0))
  for (const victim of [listener, invalidation, kafka]) {
    await moreRows(200)
    await victim.kill('SIGKILL')
    const from = performance.now()
    await victim.start()
    print(`${victim.name} was killed and is back after ${Math.round(performance.now() - from)} ms`)
  }
  await moreRows(200)
  await atLeast
  enough.abort()
  await writing
  await expect.poll(clientsOfPgbench, { timeout: 10_000, interval: 50 }).toBe(0) // a server ends the statement at hand
  const rows = await rowsOfHistory(pool)
  const counted = await count()
  const duplicates = textOf(counted, ({ records, distinct }) => records - distinct)
  print(`killed, ${pgbench.name}: ${rows} rows in pgbench_history; duplicates: ${duplicates}`)
  for (const topic of topics) expect(counted.get(topic)?.distinct, topic).toBe(rows)
})

/** The load goes on: so many rows have been committed since the call. */
async function moreRows(wanted: number): Promise<void> {
  const before = await rowsOfHistory(pool)
  await expect.poll(() => rowsOfHistory(pool), { timeout: 30_000, interval: 100 }).toBeGreaterThan(before + wanted)
}

async function clientsOfPgbench(): Promise<number | undefined> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where application_name = 'pgbench'`,
  )
  return rows[0]?.count
}

const count = (deadlineMs = 60_000): Promise<ReadonlyMap<string, Counted>> =>
  countChanges(pool, system.stack.kafkaBrokers, topics, { partitions: 3, deadlineMs })

const textOf = (counted: ReadonlyMap<string, Counted>, number: (counted: Counted) => number): string =>
  [...counted].map(([topic, one]) => `${topic} ${number(one)}`).join(', ')

/** Numbers that a reader of the run wants to see. */
const print = (line: string): void => void process.stdout.write(`${line}\n`)
