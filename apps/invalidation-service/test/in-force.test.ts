import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { World } from './world.js'

it('a catalog is in force once every partition has passed its record, behind a gap', async () => {
  const world = await World.open()
  world.register()
  world.catalogGap('one', [0])
  await world.start()
  await vi.waitFor(() => expect(world.cursor(0)).toBe(1n))
  expect(world.inForce).toBe(false)
  world.steps.length = 0
  world.catalogGap('one', [1])
  await vi.waitFor(() => expect(world.inForce).toBe(true))
  expect(world.steps.indexOf('gap')).toBeLessThan(world.steps.indexOf('putCatalogInForce'))
})

it('changes behind the record are planned with the catalog, though its registration is heard only now', async () => {
  const world = await World.open()
  await world.start()
  const hearing = Promise.withResolvers<void>()
  world.catalogsMayBeHeard = hearing.promise
  world.register()
  world.catalogGap()
  world.change(42)
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  hearing.resolve()
  await vi.waitFor(() => expect(world.inForce && world.isDone).toBe(true))
  expect(world.published('invalidations')).toContainEqual(
    expect.objectContaining({ tags: expect.arrayContaining(['member:42:balance']) as unknown }),
  )
})

it('a partition that is taken over is planned with all that was registered before its cursor was read', async () => {
  const world = await World.open()
  await world.start()
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const hearing = Promise.withResolvers<void>()
  world.catalogsMayBeHeard = hearing.promise
  world.register() // and brought into force by another instance, on records that this one never sees
  world.steps.length = 0
  world.redis.breakConnections()
  world.change(42)
  await vi.waitFor(() => expect(world.steps).toContain('cursors'))
  for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(world.isDone).toBe(false)
  hearing.resolve()
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(world.published('invalidations')).toContainEqual(
    expect.objectContaining({ tags: expect.arrayContaining(['member:42:balance']) as unknown }),
  )
})

it('a catalog that was replaced since costs no waiting', async () => {
  const world = await World.open()
  world.register()
  world.gap({ kind: 'catalog', owner: 'world', version: '0', fingerprint: 'gone', parameterKinds: {} })
  const unknown: string[] = []
  world.occurrences.on('catalog:unknown', ({ version }) => unknown.push(version))
  await world.start(60_000)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(unknown).toContain('0')
})

/** Lets seconds pass until the condition holds, at most so many. */
async function pass(seconds: number, until: () => boolean): Promise<void> {
  for (let second = 0; second < seconds && !until(); second++) {
    await vi.advanceTimersByTimeAsync(1_000)
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('as time passes', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
  })

  it('a Redis that was emptied gets the catalog back behind a gap, and its recent records behind a floor', async () => {
    const world = await World.open()
    world.register()
    world.accept()
    world.catalogGap()
    for (const partition of [0, 1]) world.watermark(partition)
    await world.start()
    await pass(5, () => world.inForce && world.isDone)
    world.redis.flush()
    world.steps.length = 0
    await pass(15, () => world.inForce && world.redis.records.size === 1_024)
    expect(world.inForce).toBe(true)
    expect(world.steps.indexOf('gap')).toBeLessThan(world.steps.indexOf('putCatalogInForce'))
    expect(world.steps).toContain('recover')
    expect([...world.redis.records.values()].every(({ floor }) => floor !== undefined && floor !== 'infinity')).toBe(
      true,
    )
  })

  it('an accepted catalog with which nobody here plans does not come into force', async () => {
    const world = await World.open()
    world.accept()
    await world.start()
    await pass(15, () => world.inForce)
    expect(world.steps).toContain('catalogsInForce')
    expect(world.inForce).toBe(false)
  })
})
