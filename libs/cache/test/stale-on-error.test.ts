import { parseTemplate, shardOf, templateTag } from '@freshet/cache-keys'
import { wildcard as declaredWildcard } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { UnencodableValueError } from '../src/index.js'
import { keys, World, type Balance } from './world/world.js'

const key = keys.rate.of({ id: 42 })
const exact = { text: 'member:42:rate', shard: shardOf('member:42') }
const minute = 60_000
const hour = 60 * minute

const failing = async (): Promise<Balance> => Promise.reject(new Error('the database is away'))

/** A rate of 50 is cached. */
async function openCached() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const rate = world.row<Balance>('42')
  await world.client().cache.get(key, rate)
  return { world, rate, client: world.client({ l1: true }) }
}

/** Then 70 is committed and fenced. */
async function openFenced() {
  const opened = await openCached()
  await opened.world.fenceHot(opened.world.primary.commit('42', { amount: 70 }), minute, exact)
  return opened
}

it('while the source fails a fenced value is served for as long as its template says, marked stale, and then the error', async () => {
  const { world, client } = await openFenced()
  world.nowMs += minute - 1
  expect(await client.cache.read(key, failing)).toMatchObject({
    value: { amount: 50 },
    layer: 'l2',
    stale: true,
    vouched: false,
  })
  expect(client.counts.of('rate')).toMatchObject({ staleOnError: 1, failedLoads: 1, stale: 0, hits: { l1: 0, l2: 0 } })
  await world.fenceHot(world.primary.commit('42', { amount: 80 }), minute, exact) // a later fence does not prolong it
  world.nowMs += 1
  await expect(client.cache.read(key, failing)).rejects.toThrow('the database is away')
})

it('a source that answers is believed, and nothing old is kept in memory', async () => {
  const { rate, client } = await openFenced()
  await client.cache.read(key, failing)
  expect(await client.cache.read(key, rate)).toMatchObject({ value: { amount: 70 }, layer: 'source', stale: false })
  expect(await client.cache.peek('l1', key)).toMatchObject({ value: { amount: 70 } })
})

it('while the source fails a value is served for so long after its own time is up, by the clock of Redis', async () => {
  const { world, client } = await openCached()
  world.nowMs += hour
  expect(await client.cache.read(key, failing)).toMatchObject({ value: { amount: 50 }, stale: true, vouched: false })
  world.nowMs += minute
  await expect(client.cache.read(key, failing)).rejects.toThrow('the database is away')
})

it.for([
  ['fresh: true', { fresh: true }],
  ['a token', 'token'],
  ['an outer layer that keeps it', { layers: ['l2'] as const }],
] as const)('with %s a read gets the error', async ([, wish]) => {
  const { world, client } = await openFenced()
  const options = wish === 'token' ? { token: await client.cache.token() } : wish
  await world.apply()
  expect(await client.cache.read(key, failing)).toMatchObject({ stale: true })
  await expect(client.cache.read(key, failing, options)).rejects.toThrow('the database is away')
})

it('a value computed from it fails, since nobody could see that a part is old', async () => {
  const { client } = await openFenced()
  const { cache } = client
  const statement = cache.read(keys.statement.of({ id: 42 }), async () => ({ rate: await cache.get(key, failing) }))
  await expect(statement).rejects.toThrow('the database is away')
})

it('a fence of which no window was opened ends it, and so do a gap and a fence by hand', async () => {
  const fenced = await openFenced()
  await fenced.world.fence(fenced.world.primary.commit('42', { amount: 80 }), { ...exact, text: 'member:42:*' })
  await expect(fenced.client.cache.get(key, failing)).rejects.toThrow()
  const missed = await openFenced()
  await missed.world.gap(templateTag(parseTemplate(keys.rate.text)))
  await expect(missed.client.cache.get(key, failing)).rejects.toThrow()
  for (const target of [key, declaredWildcard('member:{id}:*', { id: 42 }), keys.rate]) {
    const { client } = await openFenced()
    await client.cache.invalidate(target)
    await expect(client.cache.get(key, failing)).rejects.toThrow('the database is away')
  }
})

it('a layer that no longer hears how far it is true counts for as long again, and not for longer', async () => {
  const { world } = await openCached()
  const client = world.client()
  expect(await client.cache.read(key, failing)).toMatchObject({ layer: 'l2', vouched: true })
  const hearAsOf = (agoMs: number): void =>
    client.l2Sight.heard(0, { ...world.primary.watermark(), databaseTimeMs: Date.now() - agoMs })
  hearAsOf(minute + 30_000) // its maxLag is a minute
  expect(await client.cache.read(key, failing)).toMatchObject({ stale: true, vouched: false })
  hearAsOf(2 * minute + 1_000)
  await expect(client.cache.read(key, failing)).rejects.toThrow('the database is away')
})

it('a template that does not say so has no copy, and an error is an error', async () => {
  const world = await World.open()
  const { cache } = world.client()
  await cache.get(keys.balance.of({ id: 42 }), async () => ({ amount: 1 }))
  await world.fenceHot(world.primary.commit('42', { amount: 70 }), minute, { ...exact, text: 'member:42:balance' })
  await expect(cache.get(keys.balance.of({ id: 42 }), failing)).rejects.toThrow('the database is away')
  const copies = () => [...world.redis.values.keys()].filter((name) => name.includes('-kept'))
  expect(copies()).toEqual([])
  await cache.get(key, async () => ({ amount: 1 }))
  expect(copies()).toHaveLength(1)
})

it("an error of the program's own is not covered up", async () => {
  const { client } = await openFenced()
  const unencodable = async (): Promise<Balance> => ({ amount: () => 1 }) as unknown as Balance
  await expect(client.cache.get(key, unencodable)).rejects.toThrow(UnencodableValueError)
})
