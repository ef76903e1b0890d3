import { fileURLToPath } from 'node:url'
import type { Cache } from '@freshet/cache'
import { catalogFromJson } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { encodeWarmRequest, topics } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import type { ServiceProcess } from '@freshet/local-stack'
import { eventually } from '@freshet/testing/live'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as items from '../fixtures/slow-items.mjs'
import { openInForce } from '../src/fencing/clients.js'

const KEYS = 200
const IN_FLIGHT = 50

let system: System
let pool: pg.Pool
let cache: Cache
let warmer: ServiceProcess
let metrics: () => Promise<string>

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 4 })
  await pool.query(`
    create table items (id int8 primary key, price int not null);
    create table item_loads (id int8 not null);
    create table item_pace (seconds float8 not null);
    insert into item_pace values (0.2);
    insert into items select id, id * 10 from generate_series(1, 3 * ${KEYS}) id;
  `)
  cache = await openInForce(system, catalogFromJson(items.catalog.json), { l1: false })
  const launched = await system.launch('cache-warmer', {
    FRESHET_LOADERS: fileURLToPath(new URL('../fixtures/slow-items.mjs', import.meta.url)),
    FRESHET_WARMER_CONCURRENCY: String(IN_FLIGHT),
  })
  warmer = launched.process
  metrics = async () => (await fetch(`${launched.url}/metrics`)).text()
  await warmer.ready()
})
afterAll(async () => {
  await cache?.close()
  await pool?.end()
  await system?.stop()
})

async function loads(): Promise<{ readonly all: number; readonly distinct: number }> {
  const { rows } = await pool.query<{ all: number; distinct: number }>(
    'select count(*)::int as all, count(distinct id)::int as distinct from item_loads',
  )
  return rows[0] ?? { all: 0, distinct: 0 }
}

/** Asks for KEYS keys, from that of id `first`. */
async function requestFrom(first: number): Promise<void> {
  const kafka = connectKafka({ brokers: [system.stack.kafkaBrokers], clientId: 'asks-for-warming' })
  const producer = await kafka.producer()
  const now = Date.now()
  try {
    await producer.send(
      Array.from({ length: KEYS }, (_, at) => ({
        topic: topics().warmRequests,
        ...encodeWarmRequest({
          source: 'test',
          owner: 'items',
          template: 'price',
          key: `item:${first + at}:price`,
          parameters: { id: String(first + at) },
          priority: 0,
          notBefore: now,
          deadline: now + 600_000,
        }),
      })),
    )
  } finally {
    await producer.close()
    await kafka.close()
  }
}

it('a warmer that is killed in the middle of its work loses no refill, and repeats at most those in flight', async () => {
  await requestFrom(1)
  await eventually(async () => (await loads()).all >= KEYS / 3, true)
  await warmer.kill('SIGKILL')
  const atKill = await loads()
  expect(atKill.distinct, 'the kill came in the middle').toBeLessThan(KEYS)
  await warmer.start()

  const isWarm = async (id: number): Promise<boolean> =>
    (await cache.peek('l2', cache.key('price', { id: String(id) })))?.value === id * 10
  const countWarm = async (): Promise<number> => {
    const warm = await Promise.all(Array.from({ length: KEYS }, (_, at) => isWarm(at + 1)))
    return warm.filter(Boolean).length
  }
  await eventually(countWarm, KEYS, 60_000)
  const { all, distinct } = await loads()
  expect(distinct).toBe(KEYS)
  expect(all - KEYS, 'loaded twice').toBeLessThanOrEqual(IN_FLIGHT)

  expect(await metrics()).toMatch(/freshet_warmer_jobs\{state="failed",[^}]*\} 0/)
})

it('a slow database slows the warmer, and whoever reads does not wait for it', async () => {
  const limit = async (): Promise<number> => Number(/^freshet_warmer_limit\{.*\} (\d+)/m.exec(await metrics())?.[1])
  const jobs = async (state: string): Promise<number> =>
    Number(new RegExp(`^freshet_warmer_jobs\\{state="${state}".*\\} (\\d+)`, 'm').exec(await metrics())?.[1])
  await eventually(limit, IN_FLIGHT) // it has recovered from the test before
  await pool.query('truncate item_loads; update item_pace set seconds = 0.5')
  await requestFrom(KEYS + 1)
  await eventually(() => jobs('active'), IN_FLIGHT)
  await eventually(async () => (await jobs('waiting')) > 0 && (await jobs('active')) <= IN_FLIGHT / 2, true)
  const slowed = await loads()
  expect(slowed.all, 'it still works').toBeLessThan(KEYS)

  const waitsMs: number[] = []
  for (let id = 2 * KEYS + 1; id <= 2 * KEYS + 20; id++) {
    const startedMs = performance.now()
    const read = await cache.read(cache.key('price', { id: String(id) }), async () => {
      const { rows } = await pool.query<{ price: number }>('select price from items where id = $1', [id])
      return rows[0]?.price
    })
    waitsMs.push(performance.now() - startedMs)
    expect(read.value).toBe(id * 10)
  }
  expect((await loads()).all, 'the warmer was still at it').toBeLessThan(KEYS)
  expect(waitsMs.sort((one, other) => one - other)[17], 'nine of ten reads, in ms').toBeLessThan(250)

  await pool.query('update item_pace set seconds = 0')
  await eventually(loads, { all: KEYS, distinct: KEYS })
})

it('a warmer that is asked to stop ends what it has begun, and the next one does the rest', async () => {
  await pool.query('truncate item_loads; update item_pace set seconds = 0.2')
  await pool.query('insert into items select id, id * 10 from generate_series($1::int, $2::int) id', [
    3 * KEYS + 1,
    4 * KEYS,
  ])
  await requestFrom(3 * KEYS + 1)
  await eventually(async () => (await loads()).all >= KEYS / 3, true)
  await warmer.kill('SIGTERM')
  expect(warmer.logTail(1).join(), 'drained').toContain('"msg":"stopped"')
  expect((await loads()).distinct, 'it was stopped in the middle').toBeLessThan(KEYS)
  await warmer.start()
  await eventually(loads, { all: KEYS, distinct: KEYS })
})
