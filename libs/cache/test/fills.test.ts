import { shardOf } from '@freshet/cache-keys'
import { expect, it } from 'vitest'
import { keys, World, type Balance } from './world/world.js'

const key = keys.balance.of({ id: 42 })
const fenced = { text: 'member:42:balance', shard: shardOf('member:42') }

async function openWorld() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const balance = world.row<Balance>('42')
  return { world, balance }
}

it('a value that was loaded once is served to every process without asking the source again', async () => {
  const { world, balance } = await openWorld()
  const first = await world.client().cache.read(key, balance)
  const second = await world.client().cache.read(key, () => Promise.reject(new Error('the source was asked')))
  expect(first).toMatchObject({ value: { amount: 50 }, layer: 'source', vouched: true, strength: 'full' })
  expect(second).toMatchObject({ value: { amount: 50 }, layer: 'l2', vouched: true })
})

it('a change makes the value a miss, and the next read has the new one', async () => {
  const { world, balance } = await openWorld()
  const { cache } = world.client()
  await cache.get(key, balance)
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  expect(await cache.read(key, balance)).toMatchObject({
    value: { amount: 70 },
    layer: 'source',
    missed: 'generation-lost',
  })
})

it('a value that is loaded long before it is wanted is kept as long as the read says, if that is longer', async () => {
  const { world, balance } = await openWorld()
  const reading = await world.client().cache.read(key, balance, { ttlMs: 86_400_000 })
  expect(reading.ttlMs).toBeGreaterThan(86_000_000)
  world.nowMs += 80_000_000
  expect(await world.client().cache.read(key, () => Promise.reject(new Error('asked')))).toMatchObject({ layer: 'l2' })
  const other = keys.balance.of({ id: 43 })
  expect((await world.client().cache.read(other, balance, { ttlMs: 1 })).ttlMs).toBeGreaterThan(1_000)
})

it('a paused filler cannot bring an old value back', async () => {
  const { world, balance } = await openWorld()
  const slow = world.client()
  const paused = slow.pauses.before('store')
  const old = slow.cache.get(key, balance)
  await paused.reached
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  paused.resume()
  expect(await old).toEqual({ amount: 50 })
  expect(await world.client().cache.get(key, balance)).toEqual({ amount: 70 })
})

it('a fill waits a moment for a commit that is fenced before readers see it, rather than load in vain', async () => {
  const { world, balance } = await openWorld()
  const client = world.client()
  await client.clockRead()
  const change = world.primary.begin('42', { amount: 70 })
  await world.fence(change, fenced)
  const paused = client.pauses.after('snapshot')
  const reading = client.cache.read(key, balance)
  await paused.reached
  change.show()
  paused.resume()
  expect(await reading).toMatchObject({ value: { amount: 70 }, vouched: true })
  expect(client.counts.of('balance')).toMatchObject({ loads: 1, stored: 1, refused: {} })
})

it('a filler that was paused before its load, across a fence, cannot bring an old value back', async () => {
  const { world, balance } = await openWorld()
  const slow = world.client()
  const paused = slow.pauses.after('capture')
  const read = slow.cache.get(key, balance)
  await paused.reached
  const change = world.primary.begin('42', { amount: 70 })
  await world.fence(change, fenced)
  paused.resume()
  await read
  change.show()
  expect(await world.client().cache.get(key, balance)).toEqual({ amount: 70 })
})

it('R3: a change that is fenced before any reader can see it keeps the old value out of the cache', async () => {
  const { world, balance } = await openWorld()
  const change = world.primary.begin('42', { amount: 70 })
  await world.fence(change, fenced)
  const reading = await world.client().cache.read(key, balance)
  expect(reading).toMatchObject({ value: { amount: 50 }, vouched: false, refused: 'not-visible' })
  change.show()
  expect(await world.client().cache.read(key, balance)).toMatchObject({ value: { amount: 70 }, vouched: true })
})

it('who only fills layers loads nothing before it can be stored, and waits for that longer than a reader would', async () => {
  const { world, balance } = await openWorld()
  const change = world.primary.begin('42', { amount: 70 })
  await world.fence(change, fenced)
  const client = world.client()
  await client.clockRead()
  const reading = client.cache.read(key, balance, { onlyIfStorable: true })
  await expect.poll(() => client.snapshots).toBeGreaterThan(5)
  expect(client.counts.of('balance').loads).toBe(0)
  const meanwhile = await client.cache.read(key, async () => ({ amount: 50 }))
  expect(meanwhile).toMatchObject({ joined: false, refused: 'not-visible' })
  change.show()
  expect(await reading).toMatchObject({ value: { amount: 70 }, vouched: true })
  expect(client.counts.of('balance')).toMatchObject({ loads: 2, stored: 1 })
})

it('who only fills layers is told why nothing could be stored, and nothing is loaded', async () => {
  const { world, balance } = await openWorld()
  world.redis.records.clear()
  const { cache, counts } = world.client()
  const reading = cache.read(key, balance, { onlyIfStorable: true })
  await expect(reading).rejects.toMatchObject({ code: 'NOT_STORABLE', reason: 'history-lost' })
  expect(counts.of('balance')).toMatchObject({ loads: 0, refused: { 'history-lost': 1 } })
})

it('R2: the snapshot is taken after the capture and before the load', async () => {
  const { world, balance } = await openWorld()
  await world.fence(world.primary.commit('1', { amount: 0 }), fenced) // so that a snapshot is wanted
  const client = world.client()
  await client.clockRead()
  const order: string[] = []
  const capture = client.pauses.after('capture')
  const read = client.cache.get(key, async () => {
    order.push(`load after ${client.snapshots} snapshots`)
    return balance()
  })
  await capture.reached
  order.push(`capture after ${client.snapshots} snapshots`)
  capture.resume()
  await read
  expect(order).toEqual(['capture after 0 snapshots', 'load after 1 snapshots'])
})

it('no snapshot is asked of the primary where nothing has changed lately', async () => {
  const { world, balance } = await openWorld()
  const client = world.client()
  await client.clockRead()
  await client.cache.get(key, balance)
  expect(client.snapshots).toBe(0)
  expect(client.counts.of('balance').stored).toBe(1)
})

it('R6: where history was lost nothing is stored until the service has recovered it', async () => {
  const { world, balance } = await openWorld()
  world.redis.records.clear()
  const { cache } = world.client()
  expect(await cache.read(key, balance)).toMatchObject({ vouched: false, refused: 'history-lost' })
  await world.bringIntoForce()
  expect(await cache.read(key, balance)).toMatchObject({ vouched: true })
})

it('R6: a floor keeps out loads that began before it was taken', async () => {
  const { world, balance } = await openWorld()
  world.redis.records.clear()
  const open = world.primary.begin('42', { amount: 70 }) // older than the floor, and not seen by anyone
  await world.bringIntoForce()
  const { cache } = world.client()
  expect(await cache.read(key, balance)).toMatchObject({ vouched: false, refused: 'below-floor' })
  open.show()
  expect(await cache.read(key, balance)).toMatchObject({ value: { amount: 70 }, vouched: true })
})

it('without a snapshot a value that needs one is not stored', async () => {
  const { world, balance } = await openWorld()
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  const client = world.client()
  client.primaryIsDown = true
  expect(await client.cache.read(key, balance)).toMatchObject({ vouched: false, refused: 'no-snapshot' })
})

it('nothing is stored, and nothing read, before the catalog is in force', async () => {
  const world = await World.open({ inForce: false })
  world.primary.rows.set('42', { amount: 50 })
  const { cache } = world.client()
  const early = await cache.read(key, world.row<Balance>('42'))
  expect(early).toMatchObject({ vouched: false, missed: 'not-in-force', refused: 'not-in-force' })
  expect(world.redis.values.size).toBe(0)
  await world.bringIntoForce()
  await cache.inForce({ timeoutMs: 2_000 })
  expect(await cache.read(key, world.row<Balance>('42'))).toMatchObject({ vouched: true })
  expect(await cache.read(key, world.row<Balance>('42'))).toMatchObject({ layer: 'l2' })
})

it('a catalog that has gone out of force stores nothing any more', async () => {
  const { world, balance } = await openWorld()
  const { cache } = world.client()
  await cache.inForce()
  await world.retire()
  expect(await cache.read(key, balance)).toMatchObject({ vouched: false, refused: 'not-in-force' })
})

it('a client that only reads from its layers learns that its catalog was retired, and reads the source', async () => {
  const { world, balance } = await openWorld()
  const { cache } = world.client()
  await cache.get(key, balance)
  await world.retire()
  expect(await cache.read(key, balance)).toMatchObject({ layer: 'l2' })
  await expect.poll(() => cache.health().inForce, { timeout: 10_000 }).toBe(false)
  expect(await cache.read(key, balance)).toMatchObject({ layer: 'source', missed: 'not-in-force', vouched: false })
})

it('two spellings of one parameter are one value', async () => {
  const { world, balance } = await openWorld()
  const { cache } = world.client()
  await cache.get(keys.balance.of({ id: '042' }), balance)
  expect(await cache.read(keys.balance.of({ id: 42n }), balance)).toMatchObject({ layer: 'l2' })
})

it('R11: what a transaction of the caller reads is for the caller alone', async () => {
  const { world, balance } = await openWorld()
  const { cache } = world.client()
  await cache.get(key, balance)
  const own = await cache.read(key, async () => ({ amount: 99 }), { inTransaction: true })
  expect(own).toMatchObject({ value: { amount: 99 }, vouched: false, refused: 'callers-transaction' })
  expect(await cache.get(key, balance)).toEqual({ amount: 50 })
})

it('a source without transactions is cached with lease strength, and says so', async () => {
  const { world, balance } = await openWorld()
  await world.fence(world.primary.begin('42', { amount: 70 }), fenced) // R3 would refuse
  const { cache } = world.client()
  expect(await cache.read(key, balance, { source: 'none' })).toMatchObject({ vouched: true, strength: 'lease' })
  expect(await cache.read(key, balance)).toMatchObject({ layer: 'l2', strength: 'lease' })
})

it('while Redis is away reads go to the source, and nothing is stored afterwards', async () => {
  const { world, balance } = await openWorld()
  const client = world.client({ l1: true })
  await client.cache.inForce()
  client.redisIsDown = true
  expect(await client.cache.read(key, balance)).toMatchObject({
    value: { amount: 50 },
    vouched: false,
    missed: 'unreachable',
    refused: 'unreachable',
  })
  expect(client.memory?.size).toBe(0)
  expect(client.pauses.passed.get('capture')).toBeUndefined()
})

it('a value whose store failed is not vouched for', async () => {
  const { world, balance } = await openWorld()
  const client = world.client({ l1: true })
  const paused = client.pauses.before('store')
  const reading = client.cache.read(key, balance)
  await paused.reached
  client.redisIsDown = true
  paused.resume()
  expect(await reading).toMatchObject({ vouched: false, refused: 'unreachable' })
  expect(client.memory?.size).toBe(0)
})
