import { shardOf } from '@freshet/cache-keys'
import { describe, expect, it } from 'vitest'
import { LoaderCycleError, LoadLimitError, LoadTimeoutError } from '../src/errors.js'
import type { LoadContext } from '../src/loader.js'
import { keys, World, type Balance } from './world/world.js'

const key = keys.balance.of({ id: 42 })
const fenced = { text: 'member:42:balance', shard: shardOf('member:42') }

async function openWorld() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  return { world, balance: world.row<Balance>('42') }
}

/** A loader that waits in the middle, having read. */
function stopping<T>(load: () => Promise<T>) {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  let loads = 0
  const loader = async (): Promise<T> => {
    loads++
    const value = await load()
    reached.resolve()
    await gate.promise
    return value
  }
  return { loader, reached: reached.promise, resume: gate.resolve, loads: () => loads }
}

it('a hundred reads of a cold key load it once', async () => {
  const { world, balance } = await openWorld()
  const { cache, counts } = world.client()
  const values = await Promise.all(Array.from({ length: 100 }, () => cache.get(key, balance)))
  expect(new Set(values.map(({ amount }) => amount))).toEqual(new Set([50]))
  expect(counts.of('balance')).toMatchObject({ loads: 1, joined: 99 })
})

it('R10: a read that begins after a fence does not get the value of a load that began before it', async () => {
  const { world, balance } = await openWorld()
  const { cache } = world.client()
  const load = stopping(balance)
  const early = cache.get(key, load.loader)
  await load.reached
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  const late = cache.get(key, balance)
  load.resume()
  expect(await early).toEqual({ amount: 50 })
  expect(await late).toEqual({ amount: 70 })
})

it('a read that comes during a load shares it when nothing was fenced since', async () => {
  const { world, balance } = await openWorld()
  const client = world.client()
  const load = stopping(balance)
  const first = client.cache.get(key, load.loader)
  await load.reached
  const second = client.cache.read(key, balance)
  await expect.poll(() => client.counts.of('balance').missed.absent).toBe(2)
  load.resume()
  await first
  expect(await second).toMatchObject({ value: { amount: 50 }, joined: true, vouched: true })
  expect(client.counts.of('balance').loads).toBe(1)
})

it('R10: an unvouched value is not given to a read that came during its load', async () => {
  const { world, balance } = await openWorld()
  const client = world.client()
  const change = world.primary.begin('42', { amount: 70 })
  await world.fence(change, fenced) // decoded before it is visible
  const load = stopping(balance)
  const first = client.cache.read(key, load.loader)
  await load.reached
  change.show()
  const late = client.cache.read(key, balance)
  await expect.poll(() => Object.values(client.counts.of('balance').missed)).toEqual([2])
  load.resume()
  expect(await first).toMatchObject({ value: { amount: 50 }, vouched: false })
  expect(await late).toMatchObject({ value: { amount: 70 }, vouched: true })
})

it('R10: a joiner does not get a value whose named tag was fenced before the joiner began', async () => {
  const { world } = await openWorld()
  const client = world.client()
  world.primary.rows.set('7', { amount: 1 })
  const statement = keys.statement.of({ id: 1 })
  const sum = async ({ tag }: LoadContext) => {
    await tag(keys.balance.of({ id: 7 }))
    return load.loader()
  }
  const load = stopping(world.row('7'))
  const first = client.cache.get(statement, sum)
  await load.reached
  await world.fence(world.primary.commit('7', { amount: 2 }), {
    text: 'member:7:balance',
    shard: shardOf('member:7'),
  })
  const late = client.cache.get(statement, world.row('7'))
  await expect.poll(() => client.counts.of('statement').missed.absent).toBe(2)
  load.resume()
  expect(await first).toEqual({ amount: 1 })
  expect(await late).toEqual({ amount: 2 })
})

it('R10: a joiner does not get a value made of a part that was read before the joiner began', async () => {
  const { world, balance } = await openWorld()
  const client = world.client()
  const { cache } = client
  const statement = keys.statement.of({ id: 1 })
  await cache.get(key, balance)
  const started = Promise.withResolvers<void>()
  const first = cache.get(statement, async () => {
    const paused = client.pauses.after('read')
    const part = cache.get(key, balance)
    await paused.reached // Redis has answered, but the answer is still on its way
    started.resolve()
    await resumed.promise
    paused.resume()
    return (await part).amount
  })
  const resumed = Promise.withResolvers<void>()
  await started.promise
  await world.fence(world.primary.commit('42', { amount: 70 }), fenced)
  const joiner = cache.get(statement, async () => (await cache.get(key, balance)).amount)
  await expect.poll(() => client.counts.of('statement').missed.absent).toBe(2)
  resumed.resolve()
  expect(await first).toBe(50)
  expect(await joiner).toBe(70)
})

it('an error of the loader is given once to all who wait, and the next read tries again', async () => {
  const { world, balance } = await openWorld()
  const { cache, counts } = world.client()
  const failing = () => Promise.reject(new Error('no such table'))
  const reads = await Promise.allSettled([cache.get(key, failing), cache.get(key, failing)])
  expect(reads.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(counts.of('balance').failedLoads).toBe(1)
  expect(await cache.get(key, balance)).toEqual({ amount: 50 })
})

describe('the limit of loads', () => {
  it('what it cannot take gets an error at once', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client({ concurrency: 1, queue: 1 })
    const load = stopping(balance)
    const running = cache.get(keys.balance.of({ id: 1 }), load.loader)
    await load.reached
    const waiting = cache.get(keys.balance.of({ id: 2 }), balance)
    await expect(cache.get(keys.balance.of({ id: 3 }), balance)).rejects.toThrow(LoadLimitError)
    load.resume()
    expect(await Promise.all([running, waiting])).toHaveLength(2)
  })

  it('loaders that read other cached values never wait for each other', async () => {
    const { world } = await openWorld()
    const { cache } = world.client({ concurrency: 2, queue: 10 })
    const inner = (id: number) => cache.get(keys.balance.of({ id }), async () => ({ amount: id }))
    const outers = [1, 2, 3, 4].map((id) =>
      cache.get(keys.statement.of({ id }), async () => {
        const parts = await Promise.all([inner(5), inner(6)])
        return parts.map(({ amount }) => amount)
      }),
    )
    const alone = [inner(5), inner(6)]
    expect(await Promise.all(outers)).toEqual(Array.from({ length: 4 }, () => [5, 6]))
    expect(await Promise.all(alone)).toEqual([{ amount: 5 }, { amount: 6 }])
  })

  it('loads inside a loader go under its place, however full the queue is', async () => {
    const { world, balance } = await openWorld()
    const { cache } = world.client({ concurrency: 1, queue: 0 })
    expect(await cache.get(keys.statement.of({ id: 1 }), () => cache.get(key, balance))).toEqual({ amount: 50 })
  })

  it('a loader that does not return is given up, and told so by its signal', async () => {
    const { world } = await openWorld()
    const { cache } = world.client({ timeoutMs: 20 })
    let told: unknown
    const read = cache.get(key, ({ signal }) => {
      signal.addEventListener('abort', () => {
        told = signal.reason
      })
      return new Promise<Balance>(() => undefined)
    })
    await expect(read).rejects.toThrow(LoadTimeoutError)
    expect(told).toBeInstanceOf(LoadTimeoutError)
  })
})

it('loaders that wait for each other end with an error that names their keys', async () => {
  const { world } = await openWorld()
  const { cache } = world.client()
  const balance = (): Promise<Balance> => cache.get(key, async () => ({ amount: Number(await statement()) }))
  const statement = (): Promise<unknown> =>
    cache.get(keys.statement.of({ id: 42 }), async () => (await balance()).amount)
  await expect(balance()).rejects.toThrow(LoaderCycleError)
  await expect(Promise.allSettled([balance(), statement()])).resolves.toMatchObject([
    { reason: { code: 'LOADER_CYCLE' } },
    { reason: { code: 'LOADER_CYCLE' } },
  ])
})
