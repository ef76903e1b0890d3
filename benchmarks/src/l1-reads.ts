/**
 * What counting costs a read that L1 answers: two clients in one process, one that counts its reads and one that does not,
 * in turns. Prints nanoseconds a read, the median of all turns; docs/decisions has the figures.
 *
 *   npm run build && npx node benchmarks/dist/l1-reads.js
 */
import { createCache, type Cache, type CacheOptions } from '@freshet/cache'
import { catalog, key, table, type TypedKey } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { eventually } from '@freshet/testing/live'
import pg from 'pg'

const turns = 15
const readsOfATurn = 100_000

const keys = { row: key('row:{id}:value', { ttl: '1h' }).returns<string>() }
const rows = table('public.l1_rows', { entity: 'l1_row', key: ['id'], columns: { id: 'id' } })
const rowsCatalog = catalog('l1-reads', {
  version: '1',
  keys,
  rules: [rows.any.fences((row) => [keys.row.of({ id: row.id })])],
})

async function openCache({ stack }: System, accessStats: CacheOptions['accessStats']): Promise<Cache> {
  const cache = await createCache({
    catalog: rowsCatalog,
    redis: stack.redisUrl,
    postgres: { url: stack.postgresUrl },
    kafka: { brokers: [stack.kafkaBrokers] },
    l1: { maxLagMs: 60_000 },
    ...(accessStats !== undefined && { accessStats }),
  })
  cache.loader(keys.row, ({ id }) => `row ${String(id)}`)
  await cache.register()
  await cache.inForce()
  await eventually(() => cache.health().l1, 'sighted')
  return cache
}

/** Reads all, some at a time, and says how many of them L1 answered. */
async function heldInL1(cache: Cache, wanted: readonly TypedKey[]): Promise<number> {
  let held = 0
  for (let at = 0; at < wanted.length; at += 500) {
    const readings = await Promise.all(wanted.slice(at, at + 500).map((one) => cache.read(one)))
    held += readings.filter(({ layer }) => layer === 'l1').length
  }
  return held
}

async function turn(cache: Cache, wanted: readonly TypedKey[]): Promise<number> {
  const from = performance.now()
  for (let read = 0; read < readsOfATurn; read++) {
    const one = wanted[(Math.imul(read, 0x9e3779b1) >>> 0) % wanted.length]
    if (one) await cache.get(one)
  }
  return ((performance.now() - from) * 1_000_000) / readsOfATurn
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
const pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 1 })
try {
  await pool.query('create table l1_rows (id int primary key)')
  const caches = [await openCache(system, false), await openCache(system, undefined)] as const
  for (const distinct of [1, 900, 5_000]) {
    const wanted = Array.from({ length: distinct }, (_, id) => keys.row.of({ id }))
    for (const cache of caches) await eventually(() => heldInL1(cache, wanted), distinct, 30_000)
    const tookNs: [number[], number[]] = [[], []]
    for (let round = 0; round < turns; round++)
      for (const [at, cache] of caches.entries()) tookNs[at]?.push(await turn(cache, wanted))
    const [without, counted] = tookNs.map(median) as [number, number]
    process.stdout.write(
      `${distinct} keys: ${Math.round(without)} ns a read, counted ${Math.round(counted)} ns (${(counted / without).toFixed(2)})\n`,
    )
  }
  await Promise.all(caches.map((cache) => cache.close()))
} finally {
  await pool.end()
  await system.stop()
}
