import { shardOf } from '@freshet/cache-keys'
import { describe, expect, it } from 'vitest'
import { FenceLog } from '../src/fence-log.js'
import { addressOf } from '../src/address.js'
import { HeldValue } from '../src/held-value.js'
import { keys, World, worldCatalog, type Balance } from './world/world.js'

const key = keys.balance.of({ id: 42 })
const fenced = { text: 'member:42:balance', shard: shardOf('member:42') }

async function openWorld() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  return { world, balance: world.row<Balance>('42'), client: world.client({ l1: true }) }
}

describe('L1', () => {
  it('answers without asking Redis', async () => {
    const { client, balance } = await openWorld()
    await client.cache.get(key, balance)
    client.redisIsDown = true
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l1', value: { amount: 50 }, vouched: true })
  })

  it.each([
    ['the key', 'member:42:balance'],
    ['a wildcard over it', 'member:42:*'],
    ['its template', '*member:{id}:balance'],
  ])('drops a value when %s is fenced', async (_, text) => {
    const { world, client, balance } = await openWorld()
    await client.cache.get(key, balance)
    await client.cache.get(keys.profile.of({ id: 7 }), async () => ({ name: 'Ada' }))
    world.publish({ text })
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l2' })
    expect(await client.cache.read(keys.profile.of({ id: 7 }), () => ({ name: 'Bo' }))).toMatchObject({ layer: 'l1' })
  })

  it('drops a value when a value that it was computed from is fenced', async () => {
    const { world, client, balance } = await openWorld()
    const load = () => client.cache.get(key, balance)
    await client.cache.get(keys.statement.of({ id: 1 }), load)
    world.publish(fenced)
    expect(await client.cache.read(keys.statement.of({ id: 1 }), load)).toMatchObject({ layer: 'l2' })
  })

  it('does not take in a value that was fenced while it was loaded', async () => {
    const { world, client, balance } = await openWorld()
    const paused = client.pauses.after('store')
    const old = client.cache.get(key, balance)
    await paused.reached
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
    world.publish(fenced)
    paused.resume()
    await old
    expect(await client.cache.get(key, balance)).toEqual({ amount: 70 })
  })

  it('does not take in a value that was fenced while it was read from Redis', async () => {
    const { world, client, balance } = await openWorld()
    await world.client().cache.get(key, balance)
    const paused = client.pauses.after('read')
    const old = client.cache.get(key, balance)
    await paused.reached
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
    world.publish(fenced)
    paused.resume()
    expect(await old).toEqual({ amount: 50 })
    expect(await client.cache.get(key, balance)).toEqual({ amount: 70 })
  })

  it('does not take in what no rule vouches for', async () => {
    const { world, client, balance } = await openWorld()
    await world.fence(world.primary.begin('42', { amount: 70 }), fenced)
    expect(await client.cache.read(key, balance)).toMatchObject({ vouched: false })
    expect(client.memory?.size).toBe(0)
  })

  it('forgets everything, also what is on its way in, when records may have been missed', async () => {
    const { client, balance } = await openWorld()
    await client.cache.get(keys.profile.of({ id: 7 }), async () => ({ name: 'Ada' }))
    const paused = client.pauses.after('store')
    const read = client.cache.get(key, balance)
    await paused.reached
    client.memory?.dropAll('discontinuity')
    paused.resume()
    await read
    expect(client.memory?.size).toBe(0)
  })

  it('is blind, and takes nothing in, until every partition was heard; reads go to Redis', async () => {
    const { world, client, balance } = await openWorld()
    client.sight.expectPartitions(2)
    await client.cache.get(key, balance)
    expect(client.memory?.size).toBe(0)
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l2' })
    client.sight.heard(1, world.primary.watermark())
    await client.cache.get(key, balance)
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l1' })
  })

  it('does not answer once the applied watermark is older than its maxLag', async () => {
    const { world, client, balance } = await openWorld()
    await client.cache.get(key, balance)
    client.sight.heard(0, { ...world.primary.watermark(), databaseTimeMs: Date.now() - 61_000 })
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l2' })
    expect(client.cache.health()).toMatchObject({ inForce: true, l1: 'behind' })
    client.sight.heard(0, world.primary.watermark())
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l1' })
  })

  it('does not answer while this clock and the database differ too much', async () => {
    const { client, balance } = await openWorld()
    await client.cache.get(key, balance)
    client.sight.measured(-3_600_000)
    expect(await client.cache.read(key, balance)).toMatchObject({ layer: 'l2' })
    expect(client.cache.health().l1).toBe('clock-skew')
  })

  it('is passed by reads that ask for fresh values or for L2 only', async () => {
    const { client, balance } = await openWorld()
    await client.cache.get(key, balance)
    expect(await client.cache.read(key, balance, { fresh: true })).toMatchObject({ layer: 'l2' })
    expect(await client.cache.read(key, balance, { layers: ['l2'] })).toMatchObject({ layer: 'l2' })
  })

  it('alone keeps values out of Redis', async () => {
    const { world, client, balance } = await openWorld()
    expect(await client.cache.read(key, balance, { layers: ['l1'] })).toMatchObject({ vouched: true })
    expect(world.redis.values.size).toBe(0)
    expect(await client.cache.read(key, balance, { layers: ['l1'] })).toMatchObject({ layer: 'l1' })
  })

  it('does not keep a value longer than its time to live', async () => {
    const { client, balance } = await openWorld()
    const { memory } = client
    const header = { v: 1, g: [], at: Date.now(), ttl: 20 } as const
    const address = addressOf(worldCatalog, key, {})
    memory?.insert(address, new HeldValue(await balance(), 10, header, []), memory.mark(), 20)
    const budget = { maxLagMs: 60_000, whenBlind: 'source' } as const
    expect(memory?.get(address.id, budget)).toBeDefined()
    await expect.poll(() => memory?.get(address.id, budget)).toBeUndefined()
  })

  it('stays within its bytes', async () => {
    const { client } = await openWorld()
    const name = 'x'.repeat(40_000)
    for (let id = 0; id < 50; id++) await client.cache.get(keys.profile.of({ id }), async () => ({ name }))
    expect(client.memory?.size).toBeLessThan(13)
    expect(client.memory?.size).toBeGreaterThan(10)
  })
})

describe('the log of fences', () => {
  it('takes for fenced what was begun before the oldest that it remembers', () => {
    const log = new FenceLog(2)
    const begun = log.mark()
    log.note('a')
    const later = log.mark()
    log.note('b')
    log.note('c') // a is forgotten
    expect(log.fencedSince(begun, ['x'])).toBe(true)
    expect(log.fencedSince(later, ['x'])).toBe(false)
    expect(log.fencedSince(later, ['b'])).toBe(true)
    expect(log.fencedSince(log.mark(), ['b', 'c'])).toBe(false)
  })
})
