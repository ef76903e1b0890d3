import { templateTag } from '@freshet/cache-keys'
import type { Decoded } from '@freshet/events'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { World, worldCatalog, type Step } from './world.js'

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

const balanceTag = [...worldCatalog.templates.values()].flatMap(({ name, template }) =>
  name === 'balance' ? templateTag(template).text : [],
)[0]

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

  it('other content that is refused takes nothing from the catalog in force', async () => {
    const world = await inForce()
    world.refuseOther()
    await pass(2, () => false)
    expect(world.inForce).toBe(true)
    world.redis.flush()
    await pass(15, () => world.inForce)
    expect(world.inForce).toBe(true)
  })

  it('a catalog that is retired leaves: nothing more is stored, then what is stored is fenced, then it plans no more', async () => {
    const world = await inForce()
    world.steps.length = 0
    world.retire()
    await pass(5, () => !world.inForce)
    const [marked, fenced, removed] = ['putCatalogInForce', 'gap', 'removeCatalogInForce'].map((step) =>
      world.steps.indexOf(step as Step),
    )
    expect([marked, fenced, removed]).toEqual([marked, fenced, removed].sort((left = 0, right = 0) => left - right))
    expect(marked).toBeGreaterThanOrEqual(0)
    expect(world.published('invalidations')).toContainEqual(
      expect.objectContaining({ cause: 'gap', tags: expect.arrayContaining([balanceTag]) as unknown }),
    )
    await pass(3, () => world.redis.applied.size === 0)
    expect(world.redis.applied.size, 'no client waits for partitions that get no watermarks any more').toBe(0)
  })

  it('what a crash left half retired is fenced all the same, and plans until it is', async () => {
    const world = await inForce()
    const before = new Set(world.published('invalidations').map(idOf))
    world.before = (step) => {
      if (step === 'gap') throw new Error('killed')
    }
    world.retire()
    await pass(3, () => false)
    const key = 'world@1'
    expect(world.redis.catalogs.get(key)?.fingerprint, 'clients may store no more').not.toBe(worldCatalog.fingerprint)
    world.change(42)
    await pass(2, () => world.isDone)
    expect(world.published('invalidations').filter((record) => !before.has(idOf(record)))).toContainEqual(
      expect.objectContaining({ tags: expect.arrayContaining(['member:42:balance']) as unknown }),
    )
    world.before = () => undefined
    await pass(5, () => !world.inForce)
    expect(world.inForce).toBe(false)
  })

  it('a catalog that is registered again after its retirement comes back behind a gap', async () => {
    const world = await inForce()
    world.retire()
    await pass(5, () => !world.inForce)
    world.register()
    world.steps.length = 0
    world.catalogGap('again')
    await pass(10, () => world.inForce)
    expect(world.inForce).toBe(true)
    expect(world.steps.indexOf('gap')).toBeLessThan(world.steps.indexOf('putCatalogInForce'))
    world.retiredGap() // read again, from before
    await pass(2, () => world.isDone)
  })
})

it('a watermark of which changes are missing is applied only once the retired catalog has left', async () => {
  const world = await World.open()
  world.register()
  world.catalogGap()
  await world.start()
  await vi.waitFor(() => expect(world.inForce).toBe(true))
  const wasInForce: boolean[] = []
  world.before = (step) => {
    if (step === 'noteApplied') wasInForce.push(world.inForce)
  }
  world.change(1) // a retirement lies behind the moment at which its catalog came into force
  world.retiredGap([0])
  world.watermark(0)
  await vi.waitFor(() => expect(wasInForce).toEqual([false]))
})

const idOf = (record: Decoded): string => ('id' in record ? record.id : '')

/** A world whose catalog is in force, accepted a while ago. */
async function inForce(): Promise<World> {
  const world = await World.open()
  world.register()
  world.accept()
  world.catalogGap()
  for (const partition of [0, 1]) world.watermark(partition)
  await world.start()
  await pass(5, () => world.inForce && world.isDone)
  return world
}
