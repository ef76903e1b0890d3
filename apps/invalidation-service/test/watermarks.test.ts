import { expect, it, vi } from 'vitest'
import { World } from './world.js'

const applied = (world: World): bigint[] =>
  world.published('invalidations').flatMap((record) => (record.kind === 'applied' ? [record.lsn] : []))

it('applied is what the slowest partition has applied, and is told on every partition', async () => {
  const world = await World.open()
  world.register()
  await world.start()
  await vi.waitFor(() => expect(world.redis.applied.size).toBe(2))
  world.change(1)
  world.watermark(0)
  await vi.waitFor(() => expect(world.redis.applied.get('member.changes.v1/0')).toBeDefined())
  expect(applied(world)).toEqual([])
  world.watermark(1)
  await vi.waitFor(() => expect(applied(world)).toEqual([1n, 1n]))
})

it('in a Redis that was emptied one partition does not speak for all', async () => {
  const world = await World.open()
  world.register()
  await world.start()
  await vi.waitFor(() => expect(world.redis.applied.size).toBe(2))
  for (const partition of [0, 1]) world.watermark(partition)
  await vi.waitFor(() => expect(applied(world).length).toBeGreaterThan(0))
  world.redis.flush()
  const before = applied(world).length
  world.change(1)
  world.watermark(0)
  await vi.waitFor(() => expect(world.redis.applied.get('member.changes.v1/0')?.lsn).toBe(1n))
  expect(world.redis.applied.has('member.changes.v1/1')).toBe(true)
  expect(applied(world)).toHaveLength(before)
})

it('transactions leave the recent records at the next watermark that sees them', async () => {
  const world = await World.open()
  world.register()
  for (const partition of [0, 1]) world.watermark(partition)
  await world.start()
  const held = () => [...world.redis.records.values()].reduce((sum, { transactions }) => sum + transactions.size, 0)
  world.change(1)
  await vi.waitFor(() => expect(held()).toBeGreaterThan(0))
  world.watermark(0)
  await vi.waitFor(() => expect(held()).toBe(0))
})
