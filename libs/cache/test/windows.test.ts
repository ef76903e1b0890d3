import { shardOf, templateTag, parseTemplate } from '@freshet/cache-keys'
import { wildcard as declaredWildcard } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { cacheStatusHeader } from '../src/index.js'
import { keys, World, type Balance } from './world/world.js'

const key = keys.card.of({ id: 42 })
const shard = shardOf('member:42')
const exact = { text: 'member:42:card', shard }
const wildcard = { text: 'member:42:*', shard }
const minute = 60_000

/** A card of 50 is cached, then 70 is committed and fenced. */
async function openFenced(...tags: readonly { text: string; shard: number }[]) {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const card = world.row<Balance>('42')
  await world.client().cache.get(key, card)
  await world.fenceHot(world.primary.commit('42', { amount: 70 }), minute, ...tags)
  return { world, card, client: world.client({ l1: true }) }
}

it('a fenced hot value is served within its window, marked stale, and a miss from then on', async () => {
  const { world, card, client } = await openFenced(exact)
  const within = await client.cache.read(key, card)
  expect(within).toMatchObject({ value: { amount: 50 }, layer: 'l2', stale: true, vouched: false })
  expect(cacheStatusHeader(within)).toBe('Freshet; hit; ttl=-1; detail=l2')
  expect(client.counts.of('card')).toMatchObject({ stale: 1, hits: { l1: 0, l2: 0 }, loads: 0 })
  world.nowMs += minute
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 70 }, layer: 'source', stale: false })
})

it('the window begins with the first fence after the fill, however many follow', async () => {
  const { world, card, client } = await openFenced(exact)
  world.nowMs += minute - 1
  await world.fenceHot(world.primary.commit('42', { amount: 80 }), minute, exact, wildcard)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  world.nowMs += 1
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 80 }, stale: false })
})

it('a fenced value that is read again and again costs one round trip a read', async () => {
  const { world, card, client } = await openFenced(exact)
  const reads = { windows: 0, read: 0 }
  for (let count = 1; count <= 3; count++) {
    expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
    reads.read = client.pauses.passed.get('read') ?? 0
    reads.windows = client.pauses.passed.get('windows') ?? 0
    expect(reads).toEqual({ windows: 1, read: count })
  }
  world.nowMs += minute
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 70 }, stale: false })
})

it('the window of the value before says nothing of the one that took its place', async () => {
  const { world, card, client } = await openFenced(exact)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  await world.client().cache.read(key, card, { fresh: true })
  await world.fence(world.primary.commit('42', { amount: 80 }), exact)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 80 }, stale: false })
})

it('a window that is open when it is remembered ends all the same with a fence of another tag', async () => {
  const { world, card, client } = await openFenced(exact)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  await world.fence(world.primary.commit('42', { amount: 80 }), wildcard)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 80 }, stale: false })
})

it('a fence of which no window was opened ends all, and so does a gap', async () => {
  const fenced = await openFenced(exact)
  await fenced.world.fence(fenced.world.primary.commit('42', { amount: 80 }), wildcard)
  expect(await fenced.client.cache.get(key, fenced.card)).toEqual({ amount: 80 })
  const missed = await openFenced(exact)
  await missed.world.gap(templateTag(parseTemplate(keys.card.text)))
  expect(await missed.client.cache.get(key, missed.card)).toEqual({ amount: 70 })
})

it.for([
  ['the key', key],
  ['a wildcard', declaredWildcard('member:{id}:*', { id: 42 })],
  ['its template', keys.card],
] as const)('a fence of %s by hand ends a window that a change has opened', async ([, target]) => {
  const { card, client } = await openFenced(exact, wildcard)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  await client.cache.invalidate(target)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 70 }, stale: false })
})

it.for([
  ['fresh: true', { fresh: true }],
  ['a token', 'token'],
  ['an outer layer that keeps it', { layers: ['l2'] as const }],
] as const)('with %s a read gets nothing stale', async ([, wish]) => {
  const { world, card, client } = await openFenced(exact)
  const options = wish === 'token' ? { token: await client.cache.token() } : wish
  await world.apply()
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  expect(await client.cache.read(key, card, options)).toMatchObject({ value: { amount: 70 }, stale: false })
})

it('a value computed from it is made of fresh parts', async () => {
  const { card, client } = await openFenced(exact)
  const { cache } = client
  expect(await cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  const statement = await cache.read(keys.statement.of({ id: 42 }), async () => ({ card: await cache.get(key, card) }))
  expect(statement).toMatchObject({ value: { card: { amount: 70 } }, vouched: true })
})

it('it is not kept in memory, and given to nobody else', async () => {
  const { world, card, client } = await openFenced(exact)
  expect(await client.cache.read(key, card)).toMatchObject({ stale: true })
  world.nowMs += minute
  expect(client.cache.keysInL1()).toEqual([])
  expect(await client.cache.get(key, card)).toEqual({ amount: 70 })
})

it('a value that inherits waits for the windows of its parts too, though they be asked for in this process first', async () => {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const card = world.row<Balance>('42')
  const part = keys.balance.of({ id: 7 })
  await world.client().cache.read(key, async ({ tag }) => {
    await tag(part)
    return card()
  })
  const balance = { text: 'member:7:balance', shard: shardOf('member:7') }
  await world.fenceHot(world.primary.commit('42', { amount: 70 }), minute, exact, balance)
  expect(await world.client().cache.read(key, card)).toMatchObject({ value: { amount: 50 }, stale: true })
  await world.fence(world.primary.commit('42', { amount: 80 }), { text: 'member:7:*', shard: balance.shard })
  expect(await world.client().cache.read(key, card)).toMatchObject({ value: { amount: 80 }, stale: false })
})

it('a layer that is blind serves nothing within a window either', async () => {
  const { client, card } = await openFenced(exact)
  await client.clockRead()
  client.l2Sight.measured(minute)
  expect(await client.cache.read(key, card)).toMatchObject({ value: { amount: 70 }, missed: 'blind' })
})
