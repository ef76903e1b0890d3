import { shardOf } from '@freshet/cache-keys'
import { expect, it } from 'vitest'
import type { LoadContext } from '../src/loader.js'
import { Replica } from './world/replica.js'
import { keys, World, type Balance } from './world/world.js'

const key = keys.balance.of({ id: 42 })
const fenced = { text: 'member:42:balance', shard: shardOf('member:42') }

async function openWorld() {
  const world = await World.open()
  world.primary.commit('42', { amount: 50 })
  await world.apply()
  const replica = new Replica(world.primary)
  const client = world.client()
  const asked: string[] = []
  const load = async ({ source }: LoadContext): Promise<Balance> => {
    asked.push(source)
    return source === 'standby' ? replica.row<Balance>('42')() : world.row<Balance>('42')()
  }
  const read = () => client.cache.read(key, load, { source: replica.source })
  return { world, replica, client, read, asked }
}

it('a standby that has replayed everything is where values are loaded from', async () => {
  const { read, asked } = await openWorld()
  expect(await read()).toMatchObject({ value: { amount: 50 }, vouched: true, strength: 'full' })
  expect(await read()).toMatchObject({ layer: 'l2' })
  expect(asked).toEqual(['standby'])
})

it('R4: what the standby has not replayed yet is loaded from the primary, and stored', async () => {
  const { world, read, asked, client } = await openWorld()
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  expect(await read()).toMatchObject({ value: { amount: 70 }, vouched: true })
  expect(asked).toEqual(['primary']) // it was known before the load that the standby's would be in vain
  expect(client.counts.of('balance').passedOver).toEqual({ 'standby-behind': 1 })
})

it('R4: a transaction that runs on the primary is not in the standby, whose snapshots do not list it', async () => {
  const { world, read, replica } = await openWorld()
  const change = world.primary.begin('42', { amount: 70 })
  await world.fence(change, fenced)
  replica.replay()
  replica.replayLsn = (change.lsn - 1n) as typeof change.lsn
  expect(await read()).toMatchObject({ value: { amount: 50 }, vouched: false, refused: 'not-visible' })
  change.show()
  replica.replay()
  expect(await read()).toMatchObject({ value: { amount: 70 }, vouched: true })
})

it('R5: what was pruned from the records must have been replayed too', async () => {
  const { world, read, asked, client } = await openWorld()
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  await world.prune()
  expect(await read()).toMatchObject({ value: { amount: 70 }, vouched: true })
  expect(asked).toEqual(['primary'])
  expect(client.counts.of('balance').passedOver).toEqual({ 'standby-behind': 1 })
})

it('a change that comes while the standby loads is caught by the generations', async () => {
  const { world, read, replica, client } = await openWorld()
  const paused = client.pauses.before('store')
  const old = read()
  await paused.reached
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  paused.resume()
  expect(await old).toMatchObject({ value: { amount: 50 } })
  replica.replay()
  expect(await read()).toMatchObject({ value: { amount: 70 } })
})

it.each([
  ['follows another timeline', (replica: Replica) => (replica.timeline = 2), 'other-history'],
  ['replays nothing', (replica: Replica) => (replica.replayLsn = undefined), 'no-snapshot'],
  ['is away', (replica: Replica) => (replica.isDown = true), 'standby-failed'],
])('a standby that %s is passed over', async (_how, befall, reason) => {
  const { read, replica, asked, client } = await openWorld()
  befall(replica)
  expect(await read()).toMatchObject({ value: { amount: 50 }, vouched: true })
  expect(asked).toEqual(['primary'])
  expect(client.counts.of('balance').passedOver).toEqual({ [reason]: 1 })
})

it('a standby that was away is loaded from again once it answers', async () => {
  const { world, read, replica, asked } = await openWorld()
  replica.isDown = true
  await read()
  replica.isDown = false
  const loadAnew = async (): Promise<string | undefined> => {
    await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
    replica.replay()
    await read()
    return asked.at(-1)
  }
  expect(await loadAnew(), 'nobody waits for what has just failed').toBe('primary')
  await expect.poll(loadAnew, { timeout: 5_000 }).toBe('standby')
})

it('a standby whose replay has cancelled a statement is asked again by the next load', async () => {
  const { read, replica, client, asked, world } = await openWorld()
  replica.failure = Object.assign(new Error('canceling statement due to conflict with recovery'), { code: '40001' })
  await read()
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  replica.replay()
  await read()
  expect(asked).toEqual(['primary', 'standby'])
  expect(client.counts.of('balance')).toMatchObject({ passedOver: { 'standby-failed': 1 }, loadsFromStandby: 1 })
})

it('a standby that has fallen silent holds up those who ask first, and nobody after them', async () => {
  const { replica, client, asked } = await openWorld()
  replica.isSilent = true
  const load = async ({ source }: LoadContext): Promise<Balance> => {
    asked.push(source)
    return { amount: 50 }
  }
  const source = replica.source
  const first = client.cache.read(key, load, { source })
  expect(await first).toMatchObject({ vouched: true, layer: 'source' })
  const fromMs = performance.now()
  expect(await client.cache.read(keys.balance.of({ id: 7 }), load, { source })).toMatchObject({ vouched: true })
  expect(performance.now() - fromMs).toBeLessThan(1_000)
  expect(asked).toEqual(['primary', 'primary'])
  expect(client.counts.of('balance')).toMatchObject({ passedOver: { 'standby-failed': 2 }, loadsFromStandby: 0 })
})

it('a standby that was promoted within the same history is judged as a primary', async () => {
  const { world, read, replica, asked } = await openWorld()
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  replica.replay()
  replica.isPromoted = true
  expect(await read()).toMatchObject({ value: { amount: 70 }, vouched: true })
  expect(asked).toEqual(['standby'])
})

it('a loader that fails on the standby is asked for the primary', async () => {
  const { world, replica, client } = await openWorld()
  const load = async ({ source }: LoadContext): Promise<Balance> => {
    if (source === 'standby') throw new Error('canceling statement due to conflict with recovery')
    return world.row<Balance>('42')()
  }
  expect(await client.cache.read(key, load, { source: replica.source })).toMatchObject({ vouched: true })
  expect(client.counts.of('balance').passedOver).toEqual({ 'load-failed': 1 })
})

it('a tag that is named inside a load from a standby is judged by what the standby had replayed then', async () => {
  const { world, replica, client } = await openWorld()
  const other = keys.balance.of({ id: 7 })
  const statement = keys.statement.of({ id: 1 })
  await world.fence(world.primary.commit('7', { amount: 9 }), { text: 'member:7:balance', shard: shardOf('member:7') })
  const load = async ({ source, tag }: LoadContext): Promise<unknown> => {
    await tag(other)
    return (source === 'standby' ? replica : world.primary).rows.get('7') ?? null
  }
  const reading = await client.cache.read(statement, load, { source: replica.source })
  expect(reading).toMatchObject({ value: { amount: 9 }, vouched: true })
  expect(client.counts.of('statement').passedOver).toEqual({ 'standby-behind': 1 })
})
