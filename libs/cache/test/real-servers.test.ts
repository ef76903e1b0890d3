import { keyTag, bindKey, parseTemplate, type Tag } from '@freshet/cache-keys'
import type { RecentTransaction } from '@freshet/coherence'
import { encodeApplied, encodeInvalidation, topics, topicSpecs } from '@freshet/events'
import { connectKafka, type BatchProducer, type KafkaPort } from '@freshet/kafka'
import { startStack, type Stack } from '@freshet/local-stack'
import { xid } from '@freshet/pgoutput'
import { createPool, takeFloor, takeSnapshot } from '@freshet/postgres'
import { connectRedis, shardFences, type FenceSession, type RedisPort } from '@freshet/redis'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Cache } from '../src/cache.js'
import { createCache } from '../src/create-cache.js'
import { emitEvent } from '../src/emit.js'
import { keys, worldCatalog, type Balance } from './world/world.js'

const namespace = 'cache-test'
const partitions = 2
const balanceTag = (id: number): Tag => keyTag(bindKey(parseTemplate('member:{id}:balance'), { id }))

/** Stands in for the services: what a commit makes wrong is fenced and told at once. */
let stack: Stack
let pool: ReturnType<typeof createPool>
let redis: RedisPort
let fences: FenceSession
let kafka: KafkaPort
let producer: BatchProducer

beforeAll(async () => {
  stack = await startStack()
  pool = createPool({ url: stack.postgresUrl, applicationName: 'cache-test', max: 4 })
  await pool.query('create table balances (id bigint primary key, amount int not null)')
  redis = connectRedis({ url: stack.redisUrl, namespace, role: 'service' })
  await redis.ready()
  fences = redis.fences.session()
  kafka = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'cache-test' })
  await kafka.admin.ensureTopics(topicSpecs('', [], { partitions }))
  producer = await kafka.producer()
  await bringIntoForce()
}, 120_000)

afterAll(async () => {
  await Promise.all([pool.end(), redis.close(), kafka.close()])
  await stack.stop()
}, 60_000)

async function bringIntoForce(): Promise<void> {
  const shards = Array.from({ length: 1_024 }, (_, shard) => shard)
  await fences.recover(shards, () => takeFloor(pool))
  const { owner, version, fingerprint } = worldCatalog
  const { insertLsn } = await takeSnapshot(pool)
  const parameterKinds = { balance: { id: 'integer' } } as const
  await fences.putCatalogInForce({ owner, version, fingerprint, lsn: insertLsn, parameterKinds })
  const { insertLsn: lsn, ...seen } = await takeSnapshot(pool)
  await fences.prune('all', { ...seen, lsn })
  await fences.noteApplied([{ topic: 'changes', partition: 0, watermark: { ...seen, lsn } }])
}

/** Writes by plain SQL and fences under the transaction's own id, as the service does once it has decoded it. */
async function write(id: number, amount: number): Promise<void> {
  const { rows } = await pool.query<{ xid: string }>(
    `insert into balances values ($1, $2) on conflict (id) do update set amount = excluded.amount
     returning pg_current_xact_id()::text as xid`,
    [id, amount],
  )
  const { insertLsn: lsn } = await takeSnapshot(pool)
  await fence(id, [{ xid: xid(BigInt(rows[0]?.xid ?? '')), lsn }])
}

async function fence(id: number, transactions: readonly RecentTransaction[]): Promise<void> {
  const tag = balanceTag(id)
  await fences.fence(shardFences([{ tag, transactions }]))
  const record = encodeInvalidation({
    source: 'test',
    shard: tag.shard,
    tags: [tag.text],
    cause: 'change',
    fencedAt: Date.now(),
  })
  await producer.send([{ topic: topics().invalidations, ...record }])
}

async function publishApplied(): Promise<void> {
  const { insertLsn: lsn, snapshot, systemId, timeline, databaseTimeMs: databaseTime } = await takeSnapshot(pool)
  const record = encodeApplied({ source: 'test', lsn, snapshot, systemId, timeline, databaseTime })
  await producer.send(
    Array.from({ length: partitions }, (_, partition) => ({ topic: topics().invalidations, partition, ...record })),
  )
}

async function openCache(l1: boolean): Promise<Cache> {
  const cache = await createCache({
    catalog: worldCatalog,
    redis: stack.redisUrl,
    namespace,
    postgres: { url: stack.postgresUrl },
    l2: { maxLagMs: 60_000 }, // watermarks come only where a test sends them
    ...(l1 && { kafka: { brokers: [stack.kafkaBrokers] } }),
  })
  onTestFinished(() => cache.close())
  cache.loader(keys.balance, async ({ id }): Promise<Balance> => {
    const { rows } = await pool.query<Balance>('select amount from balances where id = $1', [String(id)])
    return rows[0] ?? { amount: 0 }
  })
  await cache.inForce({ timeoutMs: 10_000 })
  await expect.poll(() => cache.health().l2).toBe('sighted')
  return cache
}

it('two processes without Kafka share what one has loaded, and a change reaches both', async () => {
  await write(1, 50)
  const [one, other] = [await openCache(false), await openCache(false)]
  const key = keys.balance.of({ id: 1 })
  expect(await one.read(key)).toMatchObject({ value: { amount: 50 }, layer: 'source', vouched: true })
  expect(await other.read(key)).toMatchObject({ value: { amount: 50 }, layer: 'l2' })
  await write(1, 70)
  expect(await other.read(key)).toMatchObject({ value: { amount: 70 }, layer: 'source', vouched: true })
  expect(await one.read(key)).toMatchObject({ value: { amount: 70 }, layer: 'l2' })
}, 30_000)

it('R3: a fence under a transaction that is still open keeps the old value out of the cache', async () => {
  await write(2, 50)
  const cache = await openCache(false)
  const writer = await pool.connect()
  try {
    await writer.query('begin')
    await writer.query('update balances set amount = 70 where id = 2')
    const { rows } = await writer.query<{ xid: string }>('select pg_current_xact_id()::text as xid')
    const { insertLsn: lsn } = await takeSnapshot(pool)
    await fence(2, [{ xid: xid(BigInt(rows[0]?.xid ?? '')), lsn }])
    const early = await cache.read(keys.balance.of({ id: 2 }))
    expect(early).toMatchObject({ value: { amount: 50 }, vouched: false, refused: 'not-visible' })
    await writer.query('commit')
    expect(await cache.read(keys.balance.of({ id: 2 }))).toMatchObject({ value: { amount: 70 }, vouched: true })
  } finally {
    writer.release()
  }
}, 30_000)

it('L1 answers once it has heard how far it is true, and drops what is fenced', async () => {
  await write(3, 50)
  const cache = await openCache(true)
  const key = keys.balance.of({ id: 3 })
  await expect
    .poll(
      async () => {
        await publishApplied()
        await cache.read(key)
        return (await cache.read(key)).layer
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBe('l1')
  await write(3, 70)
  await expect.poll(async () => cache.get(key), { timeout: 5_000, interval: 5 }).toEqual({ amount: 70 })
}, 40_000)

it('an emitted event is in the log after its commit, and never after a rollback', async () => {
  await pool.query(`select pg_create_logical_replication_slot('emitted', 'test_decoding')`)
  for (const end of ['commit', 'rollback']) {
    const writer = await pool.connect()
    await writer.query('begin')
    await emitEvent(writer, 'invoice.voided', { end }, { namespace })
    await writer.query(end)
    writer.release()
  }
  const { rows } = await pool.query<{ data: string }>(
    `select data from pg_logical_slot_get_changes('emitted', null, null) where data like 'message%'`,
  )
  await pool.query(`select pg_drop_replication_slot('emitted')`)
  expect(rows).toHaveLength(1)
  expect(rows[0]?.data).toContain(`prefix: freshet:${namespace}`)
  expect(rows[0]?.data).toContain('{"event":"invoice.voided","parameters":{"end":"commit"}}')
}, 30_000)
