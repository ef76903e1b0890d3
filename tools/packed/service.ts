// The service runs: a cached read, a change by plain SQL, the fresh read, the event. Then a second one joins.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { createCache, type Cache } from '@freshet/cache'
import { catalogFromJson, type Catalog } from '@freshet/catalog'
import type { DomainEventRecord } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { FreshetKafkaStrategy, OnRecord } from '@freshet/service-kit'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Payload, type MicroserviceOptions } from '@nestjs/microservices'
import { Pool } from 'pg'
import { keys, ordersCatalog, type Order } from './orders.js'

const { FRESHET_POSTGRES_URL: url, FRESHET_KAFKA_BROKERS: broker, FRESHET_REDIS_URL: redis } = process.env
assert(url && broker && redis)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const pool = new Pool({ connectionString: url })

const paid: string[] = []
let failOnce = true

@Controller()
class Mailer {
  @OnRecord('order.events.v1', 'order.paid')
  onPaid(@Payload() event: DomainEventRecord): void {
    if (failOnce) {
      failOnce = false
      throw new Error('the mail server is away; the record has to come again')
    }
    paid.push(String(event.key?.['id']))
  }
}

@Module({ controllers: [Mailer] })
class MailerModule {}

async function open(catalog: Catalog): Promise<Cache> {
  assert(url && broker && redis)
  const cache = await createCache({ catalog, redis, postgres: { url }, kafka: { brokers: [broker] } })
  await cache.register({ timeoutMs: 60_000 })
  await cache.inForce({ timeoutMs: 60_000 })
  return cache
}

/** Waits until a read is as wanted. */
async function eventually<T>(what: string, attempt: () => Promise<T>, isWanted: (seen: T) => boolean): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const seen = await attempt()
    if (isWanted(seen)) return seen
    assert(performance.now() < deadline, `${what}: seen last ${JSON.stringify(seen)}`)
    await pause(20)
  }
}

await pool.query(`
  create table orders (id int primary key, customer_id int not null, total numeric not null, status text not null);
  create unique index orders_identity on orders (id, customer_id, status);
  alter table orders replica identity using index orders_identity;
  create table invoices (id int primary key, total numeric not null);
  insert into orders select i, 1 + i % 10, i, 'new' from generate_series(1, 100) i;
  insert into invoices select i, i from generate_series(1, 100) i`)

const cache = await open(ordersCatalog)
cache.loader(keys.order, async ({ id }) => {
  const { rows } = await pool.query<Order>('select id, total::text from orders where id = $1', [id])
  return rows[0] ?? null
})
const readOrder = async () => cache.read(keys.order.of({ id: 7 }))
const isHit = ({ layer }: { layer: string }) => layer !== 'source'
assert.deepEqual((await eventually('a hit', readOrder, isHit)).value, { id: 7, total: '7' })

const kafka = connectKafka({ brokers: [broker], clientId: 'mailer' })
const strategy = new FreshetKafkaStrategy({ kafka, groupId: 'mailer' })
const mailer = await NestFactory.createMicroservice<MicroserviceOptions>(MailerModule, { strategy, logger: false })
await mailer.listen()

const begun = performance.now()
await pool.query(`update orders set total = 99, status = 'paid' where id = 7`)
await eventually('the new total', readOrder, ({ value }) => value?.total === '99')
say(`fresh after ${Math.round(performance.now() - begun)} ms`)
await eventually(
  'order.paid',
  async () => paid,
  (seen) => seen.length > 0,
)
assert.deepEqual(paid, ['7'])
say('order.paid came once, though its handler had thrown')

const invoices = catalogFromJson(JSON.parse(await readFile('invoices.json', 'utf8')))
const second = await open(invoices)
const readInvoice = async () =>
  second.read(second.key('invoice', { id: 3 }), async () => {
    const { rows } = await pool.query<{ total: string }>('select total::text from invoices where id = 3')
    return rows[0]?.total ?? null
  })
await eventually('a hit of the second service', readInvoice, isHit)
await pool.query('update invoices set total = 30 where id = 3')
await eventually('the new invoice', readInvoice, ({ value }) => value === '30')
assert(isHit(await eventually('a hit of the first service', readOrder, isHit)))
say('a second service joined by a catalog of plain JSON')

await mailer.close()
await kafka.close()
await Promise.all([cache.close(), second.close()])
await pool.end()
