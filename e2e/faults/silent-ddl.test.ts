import type { Cache } from '@freshet/cache'
import { catalog, key, table } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import { openInForce } from '../src/fencing/clients.js'

const keys = { total: key('region:{region}:total', { ttl: '1h' }).returns<string>() }
const sales = table('public.sales', { entity: 'sale', key: ['region', 'id'], columns: { region: 'region', id: 'id' } })
const salesCatalog = catalog('sales', {
  version: '1',
  keys,
  rules: [sales.any.fences((sale) => [keys.total.of({ region: sale.region })])],
})

let system: System
let pool: pg.Pool
let watch: AppliedWatch
let clients: readonly Cache[]

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl })
  await pool.query(`
    create table sales (region int, id int, amount numeric not null, primary key (region, id)) partition by list (region);
    create table sales_1 partition of sales for values in (1);
    create table sales_2 partition of sales for values in (2);
    create table sales_3 partition of sales for values in (3);
    insert into sales select region, id, 1.5 from generate_series(1, 3) region, generate_series(1, 10) id`)
  watch = new AppliedWatch(pool, system.stack.redisUrl)
  clients = [await openInForce(system, salesCatalog), await openInForce(system, salesCatalog, { l1: false })]
  for (const client of clients) client.loader(keys.total, ({ region }) => total(Number(region)))
  await eventually(() => clients[0]?.health().l1, 'sighted')
})

afterAll(async () => {
  for (const client of clients ?? []) await client.close()
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

async function total(region: number): Promise<string> {
  const { rows } = await pool.query<{ total: string }>(
    'select coalesce(sum(amount), 0)::text as total from sales where region = $1',
    [region],
  )
  return rows[0]?.total ?? ''
}

it.for([
  ['TRUNCATE of a leaf partition', 'truncate sales_1', 1, '0'],
  ['DETACH of a partition', 'alter table sales detach partition sales_2', 2, '0'],
  ['ALTER TYPE with USING', 'alter table sales alter column amount type numeric using amount * 2', 3, '30.0'],
] as const)('%s, which no replication message tells of, leaves nothing stale', async ([, statement, region, after]) => {
  const key = keys.total.of({ region })
  for (const client of clients)
    await expect.poll(async () => (await client.read(key)).layer, { timeout: 20_000 }).not.toBe('source')
  await pool.query(statement)
  expect(await total(region)).toBe(after)
  await watch.applied()
  // the next watermark's fingerprint differs: a gap
  for (const client of clients) await expect.poll(() => client.get(key), { timeout: 5_000 }).toBe(after)
})
