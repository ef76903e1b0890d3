import { shardOf } from '@freshet/cache-keys'
import { catalog, derived, key, wildcard } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { tagsByHand } from '../src/invalidate.js'
import { keys, World, type Balance } from './world/world.js'

const balance = keys.balance.of({ id: 42 })
const profile = keys.profile.of({ id: 42 })

/** Two processes that hold both values in memory, and a third that asks Redis. */
async function openWorld() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const [one, other, third] = [world.client({ l1: true }), world.client({ l1: true }), world.client()]
  const load = async (): Promise<{ name: string }> => ({ name: 'Ada' })
  for (const { cache } of [one, other, third]) {
    await cache.get(balance, world.row<Balance>('42'))
    await cache.get(profile, load)
  }
  const layers = async () =>
    Promise.all(
      [one, other, third].map(async ({ cache }) => [
        (await cache.peek('l1', balance)) || (await cache.peek('l2', balance)) ? 'balance' : '',
        (await cache.peek('l1', profile)) || (await cache.peek('l2', profile)) ? 'profile' : '',
      ]),
    )
  return { world, one, layers }
}

it('one key that is invalidated by hand is gone from every layer of every process, and nothing else is', async () => {
  const { world, one, layers } = await openWorld()
  await one.cache.invalidate(balance)
  expect(await layers()).toEqual([
    ['', 'profile'],
    ['', 'profile'],
    ['', 'profile'],
  ])
  world.primary.rows.set('42', { amount: 70 })
  expect(await one.cache.read(balance, world.row<Balance>('42'))).toMatchObject({
    value: { amount: 70 },
    vouched: true,
  })
})

it.each([
  ['a wildcard', wildcard('member:{id}:*', { id: 42 }), ['', '']],
  ['a whole template', keys.profile, ['balance', '']],
])('%s can be invalidated by hand', async (_what, target, left) => {
  const { one, layers } = await openWorld()
  await one.cache.invalidate(target)
  expect(await layers()).toEqual([left, left, left])
})

it('a load that was under way when its key was invalidated by hand is not served to others', async () => {
  const { world, one } = await openWorld()
  const slow = world.client()
  await one.cache.invalidate(balance)
  const paused = slow.pauses.before('store')
  const read = slow.cache.get(balance, world.row<Balance>('42'))
  await paused.reached
  await one.cache.invalidate(balance)
  paused.resume()
  await read
  expect(await world.client().cache.peek('l2', balance)).toBeUndefined()
})

it('what nothing could be reached by is refused by name, and nothing is rotated', async () => {
  const { one, layers } = await openWorld()
  const before = await layers()
  await expect(one.cache.invalidate(balance, profile)).rejects.toMatchObject({
    code: 'KEY_NOT_EXACT',
    template: 'profile',
  })
  await expect(one.cache.invalidate(wildcard('shop:{id}:*', { id: 1 }))).rejects.toMatchObject({
    code: 'WILDCARD_UNDECLARED',
  })
  await expect(one.cache.invalidate(key('other:{id}', { ttl: '1h' }))).rejects.toMatchObject({
    code: 'KEY_WITHOUT_CATALOG',
  })
  expect(await layers()).toEqual(before)
})

it('with what is invalidated by hand goes what the catalog says is computed from it, windows and all', () => {
  const keys = {
    balance: key('member:{id}:balance', { ttl: '1h', exact: true }),
    summary: key('summary:{memberId}', { ttl: '1h', exact: true, staleWhileRevalidate: '5s' }),
    statement: key('statement:{id}', { ttl: '1h' }),
  }
  const derivations = [
    derived(keys.summary, { from: keys.balance, with: { memberId: 'id' } }),
    derived(keys.statement, { from: keys.summary }),
  ]
  const chain = catalog('chain', { version: '1', keys, rules: [], derivations })
  const tags = tagsByHand(chain, keys.balance.of({ id: 42 }), {})
  const shard = shardOf('summary:42')
  expect(tags).toEqual([
    { text: 'member:42:balance', shard: shardOf('member:42') },
    { text: 'summary:42', shard },
    { text: '*summary:{memberId}', shard },
    { text: '*statement:{id}', shard: 'all' },
  ])
})
