import { shardOf } from '@freshet/cache-keys'
import { formatToken, type CommitToken } from '@freshet/coherence'
import { lsn } from '@freshet/pgoutput'
import { expect, it } from 'vitest'
import type { LoadContext } from '../src/loader.js'
import type { OpenTransaction } from './world/primary.js'
import { Replica } from './world/replica.js'
import { keys, World, type Balance } from './world/world.js'

const key = keys.balance.of({ id: 42 })
const fenced = { text: 'member:42:balance', shard: shardOf('member:42') }

async function openWorld({ l1 = false } = {}) {
  const world = await World.open()
  world.primary.commit('42', { amount: 50 })
  await world.apply()
  const client = world.client({ l1 })
  await client.cache.get(key, world.row<Balance>('42'))
  const read = (token?: string) =>
    client.cache.read(key, world.row<Balance>('42'), token === undefined ? {} : { token })
  return { world, client, read }
}

const inside = (world: World, { xid, lsn: commit }: OpenTransaction, history: Partial<CommitToken> = {}): string =>
  formatToken({ ...world.primary.history, ...history, xid, after: lsn(commit - 1n) })

it('a read with the token of a commit that is not fenced yet goes past the layers', async () => {
  const { world, client, read } = await openWorld()
  const token = inside(world, world.primary.commit('42', { amount: 70 }))
  expect(await read()).toMatchObject({ value: { amount: 50 }, layer: 'l2' })
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'source', missed: 'behind-token' })
  expect(client.counts.of('balance').missed['behind-token']).toBe(1)
})

it('once the fences of its commit are applied, a read with a token is answered by Redis', async () => {
  const { world, read } = await openWorld()
  const change = world.primary.commit('42', { amount: 70 })
  const token = inside(world, change)
  await world.fence(change, fenced)
  await read()
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'source', missed: 'behind-token' })
  await world.apply()
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'l2' })
})

it('memory answers a read with a token only once it has heard of the commit', async () => {
  const { world, read } = await openWorld({ l1: true })
  expect(await read()).toMatchObject({ layer: 'l1' })
  const change = world.primary.commit('42', { amount: 70 })
  const token = inside(world, change)
  await world.fence(change, fenced)
  expect(await read()).toMatchObject({ value: { amount: 50 }, layer: 'l1' }) // within its maxLag
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'source' })
  world.publish(fenced)
  await world.apply()
  await read()
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'l1' })
})

it('memory that was filled by another Redis than the watermark speaks of does not answer a token', async () => {
  const { world, read } = await openWorld({ l1: true })
  const change = world.primary.commit('42', { amount: 70 })
  const token = inside(world, change)
  await world.fence(change, fenced)
  world.publish(fenced)
  await world.apply() // heard of the Redis that was lost then
  world.redis.redisId = 'redis-2'
  await read()
  expect(await read()).toMatchObject({ layer: 'l1' })
  expect(await read(token)).toMatchObject({ layer: 'l2' })
  await world.apply()
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'l1' })
})

it('a token that was taken without a transaction covers everything committed before', async () => {
  const { world, client, read } = await openWorld()
  const change = world.primary.commit('42', { amount: 70 })
  const token = await client.cache.token()
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'source' })
  await world.fence(change, fenced)
  await world.apply()
  await read()
  expect(await read(token)).toMatchObject({ layer: 'l2' })
})

it('a read with a token does not join a load that was begun without', async () => {
  const { world, client, read } = await openWorld()
  await world.fence(world.primary.commit('42', { amount: 60 }), fenced)
  const gate = Promise.withResolvers<undefined>()
  await client.clockRead()
  const old = client.cache.read(key, async () => {
    const row = await world.row<Balance>('42')()
    await gate.promise
    return row
  })
  await expect.poll(() => client.snapshots).toBe(1)
  const token = inside(world, world.primary.commit('42', { amount: 70 }))
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, joined: false })
  gate.resolve(undefined)
  expect((await old).value).toEqual({ amount: 60 })
})

it('a load waits until its commit is visible, and says so if it never is', async () => {
  const { world, read } = await openWorld()
  const late = world.primary.begin('42', { amount: 70 })
  const reading = read(inside(world, late))
  setTimeout(() => late.show(), 30)
  expect(await reading).toMatchObject({ value: { amount: 70 } })
  const never = world.primary.begin('42', { amount: 90 })
  await expect(read(inside(world, never))).rejects.toMatchObject({
    code: 'COMMIT_NOT_VISIBLE',
    reason: 'not-committed',
  })
})

it('a token from before a promotion is served what the new primary holds; one of another database is refused', async () => {
  const { world, read } = await openWorld()
  const token = inside(world, world.primary.commit('42', { amount: 70 }))
  world.primary.history = { systemId: '7', timeline: 2 }
  expect(await read(token)).toMatchObject({ value: { amount: 70 }, layer: 'source' })
  const foreign = inside(world, world.primary.commit('42', { amount: 80 }), { systemId: '8' })
  await expect(read(foreign)).rejects.toMatchObject({ code: 'COMMIT_NOT_VISIBLE', reason: 'other-history' })
})

it('a standby loads for a token only once it shows its commit', async () => {
  const { world, client } = await openWorld()
  const replica = new Replica(world.primary)
  const asked: string[] = []
  const load = async ({ source }: LoadContext): Promise<Balance> => {
    asked.push(source)
    return source === 'standby' ? replica.row<Balance>('42')() : world.row<Balance>('42')()
  }
  const token = inside(world, world.primary.commit('42', { amount: 70 }))
  const read = () => client.cache.get(key, load, { source: replica.source, token })
  expect(await read()).toEqual({ amount: 70 })
  replica.replay()
  expect(await read()).toEqual({ amount: 70 })
  expect(asked).toEqual(['primary', 'standby'])
  expect(client.counts.of('balance').passedOver).toEqual({ 'behind-token': 1 })
})

it('withToken: every read of a request carries it, also those that its loaders make', async () => {
  const { world, client } = await openWorld()
  const token = inside(world, world.primary.commit('42', { amount: 70 }))
  const sum = () =>
    client.cache.get(keys.statement.of({ id: 1 }), () => client.cache.get(key, world.row<Balance>('42')))
  expect(await sum()).toEqual({ amount: 50 })
  expect(await client.cache.withToken(token, sum)).toEqual({ amount: 70 })
  const viaOption = client.cache.get(
    keys.statement.of({ id: 2 }),
    () => client.cache.get(key, world.row<Balance>('42')),
    { token },
  )
  expect(await viaOption).toEqual({ amount: 70 })
})

it('a text that is no token is refused by name', async () => {
  const { client, read } = await openWorld()
  await expect(read('nonsense')).rejects.toMatchObject({ code: 'BAD_TOKEN', text: 'nonsense' })
  expect(() => client.cache.withToken('1.x', () => undefined)).toThrow('no token of a commit')
})
