import { bindKey, keyTag, parseTemplate } from '@freshet/cache-keys'
import { startPostgresPair, startRedis, type PostgresPair, type RedisAlone } from '@freshet/local-stack'
import { lsn, xid } from '@freshet/pgoutput'
import { createPool, takeFloor, takeSnapshot, takeStandbyView, type RowsHandle } from '@freshet/postgres'
import { connectRedis, shardFences, type FenceSession, type RedisPort } from '@freshet/redis'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createCache } from '../src/create-cache.js'
import { OccurrenceCounter } from '../src/occurrence.js'
import { standby } from '../src/standby.js'
import { keys, worldCatalog, type Balance } from './world/world.js'

const namespace = 'standby-test'
const key = keys.balance.of({ id: 1 })
const tag = keyTag(bindKey(parseTemplate('member:{id}:balance'), { id: 1 }))

/** Stands in for the services: what a commit makes wrong is fenced at once. */
let pair: PostgresPair
let alone: RedisAlone
let primary: ReturnType<typeof createPool>
let replica: ReturnType<typeof createPool>
let redis: RedisPort
let fences: FenceSession

beforeAll(async () => {
  ;[pair, alone] = await Promise.all([startPostgresPair(), startRedis()])
  primary = createPool({ url: pair.primaryUrl, applicationName: 'standby-test' })
  replica = createPool({ url: pair.standbyUrl, applicationName: 'standby-test' })
  await primary.query('create table balances (id bigint primary key, amount int not null)')
  await primary.query('insert into balances values (1, 50)')
  redis = connectRedis({ url: alone.redisUrl, namespace, role: 'service' })
  await redis.ready()
  fences = redis.fences.session()
  const shards = Array.from({ length: 1_024 }, (_, shard) => shard)
  await fences.recover(shards, () => takeFloor(primary))
  const { owner, version, fingerprint } = worldCatalog
  const { insertLsn } = await takeSnapshot(primary)
  await fences.putCatalogInForce({
    owner,
    version,
    fingerprint,
    lsn: insertLsn,
    parameterKinds: { balance: { id: 'integer' } },
  })
  await applied()
}, 120_000)

afterAll(async () => {
  await Promise.all([primary.end(), replica.end(), redis.close()])
  await Promise.all([pair.stop(), alone.stop()])
}, 60_000)

async function applied(): Promise<void> {
  const { insertLsn, ...seen } = await takeSnapshot(primary)
  const watermark = { ...seen, lsn: insertLsn }
  await fences.prune('all', watermark)
  await fences.noteApplied([{ topic: 'changes', partition: 0, watermark }])
}

/** Writes by plain SQL and fences under the transaction's own id; gives the token that was taken inside. */
async function write(amount: number, take: (client: RowsHandle) => Promise<string>) {
  const client = await primary.connect()
  try {
    await client.query('begin')
    await client.query('update balances set amount = $1 where id = 1', [amount])
    const { rows } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid')
    const token = await take(client)
    await client.query('commit')
    const { insertLsn } = await takeSnapshot(primary)
    const transactions = [{ xid: xid(BigInt(rows[0]?.xid ?? '')), lsn: insertLsn }]
    await fences.fence(shardFences([{ tag, transactions }]))
    return token
  } finally {
    client.release()
  }
}

async function open() {
  const counts = new OccurrenceCounter()
  const postgres = { url: pair.primaryUrl }
  const cache = await createCache({
    catalog: worldCatalog,
    redis: alone.redisUrl,
    namespace,
    postgres,
    l2: { maxLagMs: 60_000 }, // watermarks come only where a test sends them
    onOccurrence: counts.listener,
  })
  onTestFinished(() => cache.close())
  const asked: string[] = []
  cache.loader(
    keys.balance,
    async ({ id }, { source }): Promise<Balance> => {
      asked.push(source)
      const from = source === 'standby' ? replica : primary
      const { rows } = await from.query<Balance>('select amount from balances where id = $1', [String(id)])
      return rows[0] ?? { amount: 0 }
    },
    { source: standby(replica) },
  )
  await cache.inForce({ timeoutMs: 10_000 })
  await expect.poll(() => cache.health().l2).toBe('sighted')
  return { cache, asked, counts }
}

it('a standby is read where it has replayed what was fenced, else the primary; tokens are kept on both', async () => {
  const { cache, asked, counts } = await open()
  await pair.resumeReplay()
  expect(await cache.read(key)).toMatchObject({ value: { amount: 50 }, layer: 'source', vouched: true })
  await pair.pauseReplay()
  const token = await write(70, (client) => cache.token(client))
  expect(await cache.read(key)).toMatchObject({ value: { amount: 70 }, vouched: true })
  expect(await cache.read(key, { token })).toMatchObject({ value: { amount: 70 }, missed: 'behind-token' })
  await applied()
  expect(await cache.read(key, { token })).toMatchObject({ value: { amount: 70 }, layer: 'l2' })
  await fences.rotateOnly([tag])
  expect(await cache.read(key), 'what was pruned the standby has not seen').toMatchObject({ value: { amount: 70 } })
  expect(asked).toEqual(['standby', 'primary', 'primary', 'primary'])
  expect(counts.of('balance').passedOver).toEqual({ 'standby-behind': 2, 'behind-token': 1 })

  await pair.resumeReplay()
  await fences.rotateOnly([tag])
  expect(await cache.read(key, { token })).toMatchObject({ value: { amount: 70 }, layer: 'source', vouched: true })
  expect(asked.at(-1)).toBe('standby')
}, 60_000)

it('R4: the replay position is read before the snapshot, whatever the isolation level by default', async () => {
  await primary.query(`alter role freshet set default_transaction_isolation = 'repeatable read'`)
  onTestFinished(async () => void (await primary.query('alter role freshet reset default_transaction_isolation')))
  await pair.resumeReplay()
  const pool = createPool({ url: pair.standbyUrl, applicationName: 'standby-test', max: 1 })
  onTestFinished(() => pool.end())
  const { rows } = await pool.query<{ level: string }>(`select current_setting('transaction_isolation') as level`)
  expect(rows[0]?.level).toBe('repeatable read')
  const view = await takeStandbyView(pool)
  expect(view).toMatchObject({ inRecovery: true, insertLsn: lsn(0n) })
  expect(view.replayLsn).toBeGreaterThan(0n)
  const { timeline, systemId } = await takeSnapshot(primary)
  expect(view).toMatchObject({ timeline, systemId })
  expect(await takeStandbyView(primary)).toMatchObject({ inRecovery: false, replayLsn: undefined })
})
