import { fileURLToPath } from 'node:url'
import { catalogFromJson } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { encodeWarmRequest, topics } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { eventually } from '@freshet/testing/live'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import * as items from '../fixtures/slow-items.mjs'
import { openInForce } from '../src/fencing/clients.js'

const KEYS = 200
const IN_FLIGHT = 50

let system: System
let pool: pg.Pool

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 4 })
  await pool.query(`
    create table items (id int8 primary key, price int not null);
    create table item_loads (id int8 not null);
    insert into items select id, id * 10 from generate_series(1, ${KEYS}) id;
  `)
})
afterAll(async () => {
  await pool?.end()
  await system?.stop()
})

async function loads(): Promise<{ readonly all: number; readonly distinct: number }> {
  const { rows } = await pool.query<{ all: number; distinct: number }>(
    'select count(*)::int as all, count(distinct id)::int as distinct from item_loads',
  )
  return rows[0] ?? { all: 0, distinct: 0 }
}

async function requestAll(): Promise<void> {
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
          key: `item:${at + 1}:price`,
          parameters: { id: String(at + 1) },
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
  const cache = await openInForce(system, catalogFromJson(items.catalog.json), { l1: false })
  onTestFinished(() => cache.close())
  const { process: warmer, url } = await system.launch('cache-warmer', {
    FRESHET_LOADERS: fileURLToPath(new URL('../fixtures/slow-items.mjs', import.meta.url)),
    FRESHET_WARMER_CONCURRENCY: String(IN_FLIGHT),
  })
  await warmer.ready()

  await requestAll()
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

  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/freshet_warmer_jobs\{state="failed",[^}]*\} 0/)
})
