import type { Cache } from '@freshet/cache'
import { catalogFromJson, type CatalogJson, type DebeziumTopicJson } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { connectKafka, type KafkaPort } from '@freshet/kafka'
import kafkajs from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import { findJava, startConnect, type Connect } from '../src/debezium/connect.js'
import { openInForce } from '../src/fencing/clients.js'

const { CompressionCodecs, CompressionTypes } = kafkajs
const java = await findJava()

let system: System
let pool: pg.Pool
let watch: AppliedWatch
let kafka: KafkaPort

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 4 })
  watch = new AppliedWatch(pool, system.stack.redisUrl)
  kafka = connectKafka({ brokers: [system.stack.kafkaBrokers], clientId: 'debezium-test' })
})

afterAll(async () => {
  await kafka?.close()
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

/** Orders by their customer, from a topic. */
const ordersCatalog = (owner: string, table: string, from: DebeziumTopicJson) =>
  catalogFromJson({
    format: 1,
    owner,
    version: '1',
    tables: {
      [table]: {
        entity: owner,
        key: ['id'],
        columns: { id: 'id', customerId: 'customer_id', status: 'status' },
        from,
      },
    },
    templates: { open: { template: `${owner}:{customer}:open`, ttl: '1h' } },
    rules: [{ on: { table, where: { status: 'open' } }, fences: [{ key: 'open', with: { customer: 'customerId' } }] }],
  } satisfies CatalogJson)

/** How many orders of a customer are open, and whence that was read. */
const openOrders = (cache: Cache, customer: string) =>
  cache.read(cache.key('open', { customer }), async () => {
    const { rows } = await pool.query<{ count: number }>(
      `select count(*)::int as count from orders where status = 'open' and customer_id = $1`,
      [customer],
    )
    return rows[0]?.count
  })

describe('topics without a transaction', () => {
  const send = async (topic: string, value: unknown) => {
    const producer = await kafka.producer()
    await producer.send([{ topic, key: null, value: JSON.stringify(value) }])
    await producer.close()
  }
  const prepared = async (topic: string) => kafka.admin.ensureTopics([{ topic, partitions: 3, config: {} }])

  it("Debezium's of another database fence with lease strength", async () => {
    await prepared('far.public.bills')
    const from = { debezium: 'far.public.bills', types: { id: 'int8', customerId: 'int8', status: 'text' } } as const
    const cache = await openInForce(system, ordersCatalog('bill', 'far.bills', from), { l1: false })
    onTestFinished(() => cache.close())
    let value = 1
    const read = () => cache.read(cache.key('open', { customer: '42' }), async () => value)
    await eventually(async () => (await read()).layer, 'l2')
    value = 2
    const after = { id: 1, customer_id: 42, status: 'open' }
    const source = { txId: 1, ts_ms: Date.now(), snapshot: 'false' }
    await send('far.public.bills', { schema: {}, payload: { op: 'c', before: null, after, source } })
    await eventually(async () => (await read()).value, 2)
  })

  it('an event that a service sends straight to its topic fences with lease strength', async () => {
    await prepared('billing.invoices')
    const catalog = catalogFromJson({
      format: 1,
      owner: 'invoices',
      version: '1',
      tables: {},
      events: { 'invoice.voided': { parameters: { customerId: 'int8' }, topic: 'billing.invoices' } },
      templates: { total: { template: 'invoices:{customer}:total', ttl: '1h' } },
      rules: [{ on: { event: 'invoice.voided' }, fences: [{ key: 'total', with: { customer: 'customerId' } }] }],
    } satisfies CatalogJson)
    const cache = await openInForce(system, catalog, { l1: false })
    onTestFinished(() => cache.close())
    let value = 1
    const read = (customer: string) => cache.read(cache.key('total', { customer }), async () => value)
    for (const customer of ['42', '43']) await eventually(async () => (await read(customer)).layer, 'l2')
    value = 2
    await send('billing.invoices', { customerId: 42 })
    await eventually(async () => (await read('42')).value, 2)
    expect(await read('43')).toMatchObject({ value: 1, layer: 'l2' })
  })
})

describe.runIf(java)('a topic that a real Debezium connector writes', () => {
  const huge = '9007199254740993'
  let connect: Connect
  let cache: Cache

  beforeAll(async () => {
    await pool.query(`
      create table orders (id bigint primary key, customer_id bigint not null, status text not null, placed date);
      alter table orders replica identity full`)
    connect = await startConnect(system.stack, 'public.orders')
    await connect.put()
    await pool.query(`insert into orders values (1, ${huge}, 'open', now())`) // its topic comes with its first record
    await eventually(async () => (await kafka.admin.topics()).includes('shop.public.orders'), true, 30_000)
    const from = { debezium: 'shop.public.orders', slot: 'debezium' }
    cache = await openInForce(system, ordersCatalog('order', 'public.orders', from), { l1: false })
    await watch.applied() // the service has come to read the topic too, which begins with a gap
  }, 300_000)

  afterAll(async () => {
    await cache?.close()
    await connect?.stop()
  })

  const isStored = (customer: string) =>
    eventually(
      async () => {
        const { layer, vouched } = await openOrders(cache, customer)
        return layer === 'l2' && vouched
      },
      true,
      30_000,
    )

  it('fences what a commit made wrong, and nothing else, and vouches for what was filled behind it', async () => {
    await isStored(huge)
    await isStored('7')
    await pool.query(`insert into orders values (2, ${huge}, 'open', now())`)
    await watch.applied()
    expect(await openOrders(cache, huge)).toMatchObject({ value: 2, layer: 'source' })
    expect(await openOrders(cache, '7')).toMatchObject({ value: 0, layer: 'l2' })
    await isStored(huge)
    await pool.query(`update orders set customer_id = 7 where id = 2`)
    await watch.applied()
    expect(await openOrders(cache, huge)).toMatchObject({ value: 1, layer: 'source' })
    expect(await openOrders(cache, '7')).toMatchObject({ value: 1, layer: 'source' })
    await isStored('7')
    await pool.query('delete from orders where id = 2')
    await watch.applied()
    expect(await openOrders(cache, '7')).toMatchObject({ value: 0, layer: 'source' })
  })

  it.each(['lz4', 'zstd', 'snappy', 'gzip'] as const)('may be compressed with %s', async (codec) => {
    await connect.put({ 'producer.override.compression.type': codec })
    await isStored('8')
    await pool.query(`insert into orders select 1000 + n, 8, 'open', now() from generate_series(1, 50) n`)
    await watch.applied()
    expect(await openOrders(cache, '8')).toMatchObject({ value: 50, layer: 'source' })
    expect(await batchesIn(codec)).toBeGreaterThan(0)
    await pool.query('delete from orders where customer_id = 8')
    await watch.applied()
  })

  /** How many batches of the topic are compressed so, as a reader of it finds. */
  async function batchesIn(codec: 'lz4' | 'zstd' | 'snappy' | 'gzip'): Promise<number> {
    const type = { lz4: 'LZ4', zstd: 'ZSTD', snappy: 'Snappy', gzip: 'GZIP' } as const
    const codecs = CompressionCodecs as unknown as Record<number, () => { decompress(bytes: Buffer): unknown }>
    const registered = codecs[CompressionTypes[type[codec]]]
    if (registered === undefined) throw new Error(`nothing reads ${codec}`)
    let batches = 0
    codecs[CompressionTypes[type[codec]]] = () => {
      const of = registered()
      return {
        ...of,
        decompress: (bytes) => {
          batches += 1
          return of.decompress(bytes)
        },
      }
    }
    const reader = kafka.broadcast({ topics: ['shop.public.orders'], from: 'earliest', onRecord: () => undefined })
    try {
      await reader.start()
      await reader.caughtUp()
    } finally {
      codecs[CompressionTypes[type[codec]]] = registered
      await reader.close()
    }
    return batches
  }

  it('leaves nothing stale behind a TRUNCATE, which a connector does not tell of by default', async () => {
    await isStored(huge)
    await pool.query('truncate orders')
    await watch.applied()
    await eventually(async () => (await openOrders(cache, huge)).value, 0, 10_000)
  })

  it('whose slot was dropped and made anew is a gap: what was committed meanwhile leaves nothing stale', async () => {
    await pool.query(`insert into orders values (1, ${huge}, 'open', now())`)
    await watch.applied()
    await isStored(huge)
    await connect.remove()
    await eventually(
      async () => {
        const { rows } = await pool.query(
          `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'debezium' and not active`,
        )
        return rows.length
      },
      1,
      30_000,
    )
    await pool.query(`insert into orders values (2, ${huge}, 'open', now())`)
    await connect.put({ 'snapshot.mode': 'when_needed' }) // else it refuses to begin anew
    await watch.applied(60_000)
    expect(await openOrders(cache, huge)).toMatchObject({ value: 2 })
    await isStored(huge)
    expect(await openOrders(cache, huge)).toMatchObject({ value: 2, layer: 'l2' })
  })
})
