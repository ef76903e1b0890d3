// Joins a running system with a catalog of its own, in plain JSON, and hears its events through the transport strategy.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { createCache } from '@freshet/cache'
import { catalogFromJson } from '@freshet/catalog'
import type { DomainEventRecord } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { FreshetKafkaStrategy, OnRecord } from '@freshet/service-kit'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Payload, type MicroserviceOptions } from '@nestjs/microservices'
import { Pool } from 'pg'

const { FRESHET_POSTGRES_URL: url, FRESHET_KAFKA_BROKERS: broker, FRESHET_REDIS_URL: redis } = process.env
assert(url && broker && redis)

const calls: string[] = []

@Controller()
class Bookkeeper {
  @OnRecord('invoice.events.v1', 'invoice.paid')
  onPaid(@Payload() { key }: DomainEventRecord): void {
    calls.push(`invoice ${String(key?.['id'])}`)
    if (calls.length === 1) throw new Error('the ledger is away; the record has to come again')
  }
}

@Module({ controllers: [Bookkeeper] })
class BookkeeperModule {}

/** Asks until the answer is as wanted. */
async function eventually<T>(what: string, ask: () => Promise<T>, isWanted: (seen: T) => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const seen = await ask()
    if (isWanted(seen)) return
    assert(performance.now() < deadline, `${what}: seen last ${JSON.stringify(seen)}`)
    await pause(20)
  }
}

const pool = new Pool({ connectionString: url })
await pool.query('create table invoices (id int primary key, status text not null)')
await pool.query('alter table invoices replica identity full')
await pool.query(`insert into invoices select i, 'open' from generate_series(1, 100) i`)

const catalog = catalogFromJson(JSON.parse(await readFile('invoices.json', 'utf8')))
const cache = await createCache({ catalog, redis, postgres: pool, kafka: { brokers: [broker] } })
await cache.register({ timeoutMs: 60_000 })
await cache.inForce({ timeoutMs: 60_000 })

const read = async (id: number) =>
  cache.read(cache.key('invoice', { id }), async () => {
    const { rows } = await pool.query<{ status: string }>('select status from invoices where id = $1', [id])
    return rows[0]?.status ?? null
  })
for (const id of [7, 8])
  await eventually(
    'a hit',
    async () => read(id),
    ({ layer }) => layer !== 'source',
  )

const kafka = connectKafka({ brokers: [broker], clientId: 'bookkeeper' })
const strategy = new FreshetKafkaStrategy({ kafka, groupId: 'bookkeeper' })
const bookkeeper = await NestFactory.createMicroservice<MicroserviceOptions>(BookkeeperModule, {
  strategy,
  logger: false,
})
await bookkeeper.listen()

await pool.query(`update invoices set status = 'paid' where id = 7`)
await eventually(
  'the new status',
  async () => read(7),
  ({ value }) => value === 'paid',
)
assert.notEqual((await read(8)).layer, 'source', 'another invoice had to stay a hit')
await eventually(
  'the second call',
  async () => calls,
  ({ length }) => length > 1,
)
assert.deepEqual(calls, ['invoice 7', 'invoice 7'])
process.stdout.write('a second service joined; its handler threw, and got the event again\n')

await bookkeeper.close()
await kafka.close()
await cache.close()
await pool.end()
