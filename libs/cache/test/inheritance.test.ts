import { shardOf } from '@freshet/cache-keys'
import { wildcard } from '@freshet/catalog'
import { describe, expect, it } from 'vitest'
import type { TagTarget } from '../src/address.js'
import type { Cache } from '../src/cache.js'
import { LoaderEndedError, WildcardUndeclaredError } from '../src/errors.js'
import type { LoadContext } from '../src/loader.js'
import { keys, World, type Balance } from './world/world.js'

const statement = keys.statement.of({ id: 1 })
const fenced = { text: 'member:42:balance', shard: shardOf('member:42') }

async function openWorld() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  return { world, balance: world.row<Balance>('42') }
}

const ofBalance = (cache: Cache, balance: () => Promise<Balance>) => async () =>
  `has ${(await cache.get(keys.balance.of({ id: 42 }), balance)).amount}`

describe('R12: a value computed from cached values', () => {
  it('is fenced with them, in every process', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    const load = ofBalance(cache, balance)
    expect(await cache.get(statement, load)).toBe('has 50')
    const other = world.client().cache
    expect(await other.read(statement, load)).toMatchObject({ layer: 'l2' })
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
    expect(await other.get(statement, load)).toBe('has 70')
  })

  it('is fenced with them also when they came out of L1', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client({ l1: true })
    await cache.get(keys.balance.of({ id: 42 }), balance)
    expect(await cache.read(statement, ofBalance(cache, balance))).toMatchObject({ vouched: true })
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced) // L1 has not heard of it
    const other = world.client().cache
    expect(await other.get(statement, ofBalance(other, balance))).toBe('has 70')
  })

  it('cannot outlive a fence that came between its parts and its store', async () => {
    const { world, balance } = await openWorld()
    const client = world.client()
    const { cache } = client
    await cache.get(keys.balance.of({ id: 42 }), balance)
    const paused = client.pauses.before('store')
    const old = cache.get(statement, ofBalance(cache, balance))
    await paused.reached
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
    paused.resume()
    expect(await old).toBe('has 50')
    expect(await cache.get(statement, ofBalance(cache, balance))).toBe('has 70')
  })

  it('is not stored when one of them is unvouched', async () => {
    const { world, balance } = await openWorld()
    await world.fence(world.primary.begin('42', { amount: 70 }), fenced) // R3 refuses the balance
    const { cache } = world.client()
    expect(await cache.read(statement, ofBalance(cache, balance))).toMatchObject({
      vouched: false,
      refused: 'unvouched-part',
    })
  })

  it('is not stored when two of its parts are of different ages', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    const read = cache.read(statement, async () => {
      const before = await cache.get(keys.balance.of({ id: 42 }), balance)
      await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
      const after = await cache.get(keys.balance.of({ id: 42 }), balance)
      return [before.amount, after.amount]
    })
    expect(await read).toMatchObject({ value: [50, 70], vouched: false, refused: 'parts-differ' })
  })

  it('is not stored when it inherits more tags than a header may carry; none is cut off', async () => {
    const { world } = await openWorld()
    const { cache } = world.client()
    const parts = (count: number) => async () =>
      (await Promise.all(range(count).map((id) => cache.get(keys.balance.of({ id }), async () => ({ amount: id })))))
        .length
    // Each brings a tag of its own, its wildcard, and its template's tag in its shard.
    expect(await cache.read(keys.statement.of({ id: 21 }), parts(21))).toMatchObject({ vouched: true })
    expect(await cache.read(keys.statement.of({ id: 22 }), parts(22))).toMatchObject({ refused: 'too-many-tags' })
  })

  it('has lease strength when one of them has', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    await cache.get(keys.balance.of({ id: 42 }), balance, { source: 'none' })
    expect(await cache.read(statement, ofBalance(cache, balance))).toMatchObject({ vouched: true, strength: 'lease' })
  })
})

describe('tag()', () => {
  const tagging =
    (tagged: TagTarget, load: () => Promise<unknown>) =>
    async ({ tag }: LoadContext) => {
      await tag(tagged)
      return load()
    }

  it('makes a value fenced with another key', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    const load = tagging(keys.balance.of({ id: '042' }), balance)
    await cache.get(statement, load)
    expect(await cache.read(statement, load)).toMatchObject({ layer: 'l2' })
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
    expect(await cache.get(statement, load)).toEqual({ amount: 70 })
  })

  it('makes a value fenced with a wildcard, and with the templates under it, which is what a gap fences', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    const shard = shardOf('member:42')
    for (const text of ['member:42:*', '*member:{id}:profile', '*member:{id}:balance']) {
      const load = tagging(wildcard('member:{id}:*', { id: '042' }), balance)
      await cache.get(statement, load)
      expect(await cache.read(statement, load)).toMatchObject({ layer: 'l2' })
      await world.fence(world.primary.commit('42', { amount: text.length }), { text, shard })
      expect(await cache.get(statement, load)).toEqual({ amount: text.length })
    }
  })

  it('R3: a change of what it names that no reader can see yet keeps the value out of the cache', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    await world.fence(world.primary.begin('42', { amount: 70 }), fenced)
    const reading = await cache.read(statement, tagging(keys.balance.of({ id: 42 }), balance))
    expect(reading).toMatchObject({ vouched: false, refused: 'not-visible' })
  })

  it('that is not awaited keeps the value out of the cache', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client()
    const reading = await cache.read(statement, ({ tag }) => {
      void tag(keys.balance.of({ id: 42 }))
      return balance()
    })
    expect(reading).toMatchObject({ vouched: false, refused: 'tag-not-awaited' })
  })

  it('after its loader has returned is an error', async () => {
    const { world, balance } = await openWorld()
    let late: LoadContext['tag'] | undefined
    await world.client().cache.get(statement, ({ tag }) => {
      late = tag
      return balance()
    })
    await expect(late?.(keys.balance.of({ id: 42 }))).rejects.toThrow(LoaderEndedError)
  })

  it('of a wildcard that nothing fences is an error', async () => {
    const { world, balance } = await openWorld()
    const read = world.client().cache.get(statement, tagging(wildcard('invoice:{id}:*', { id: 1 }), balance))
    await expect(read).rejects.toThrow(WildcardUndeclaredError)
  })
})

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
