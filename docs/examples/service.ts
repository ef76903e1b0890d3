import { setTimeout as pause } from 'node:timers/promises'
import { createCache } from '@freshet/cache'
import pg from 'pg'
import { keys, ordersCatalog, type Order } from './catalog.ts'

const { FRESHET_POSTGRES_URL: url, FRESHET_KAFKA_BROKERS: broker = '', FRESHET_REDIS_URL: redis = '' } = process.env
const postgres = new pg.Pool({ connectionString: url })
await postgres.query('create table if not exists orders (id int primary key, total numeric not null)')
await postgres.query('insert into orders values (7, 10) on conflict do nothing')

const cache = await createCache({ catalog: ordersCatalog, redis, postgres, kafka: { brokers: [broker] } })
cache.loader(keys.order, async ({ id }) => {
  const { rows } = await postgres.query<Order>('select id, total::text from orders where id = $1', [id])
  return rows[0] ?? null
})
await cache.register() // hands the catalog to the listener; rejects with every fault and the statement that mends it
await cache.inForce() // from now on values are stored

const before = await cache.get(keys.order.of({ id: 7 }))
await postgres.query('update orders set total = total + 1 where id = 7') // by whatever writes to the table
const begun = performance.now()
while ((await cache.get(keys.order.of({ id: 7 })))?.total === before?.total) await pause(1)
process.stdout.write(`fresh after ${Math.round(performance.now() - begun)} ms\n`)

await cache.close()
await postgres.end()
