import { topics as topicNames } from '@freshet/events'
import { expect, it, vi } from 'vitest'
import type { InvalidationEngine } from '../src/engine.js'
import { World, type Step } from './world.js'

const topics = topicNames()
const balance = (id: number) => `member:${id}:balance`
const fenced = (world: World): string[] =>
  world.published('invalidations').flatMap((record) => (record.kind === 'invalidation' ? record.tags : []))

/** A service that has read everything so far. */
async function openRunning(): Promise<World & { readonly engine: InvalidationEngine }> {
  const world = await World.open()
  world.register()
  for (const partition of [0, 1]) world.watermark(partition)
  const engine = await world.start()
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  world.steps.length = 0
  return Object.assign(world, { engine })
}

it('R7: transactions and rotations, then the announcement, then the cursor, then its watermark', async () => {
  const world = await openRunning()
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const steps = world.steps.filter((step) => step !== 'catalogsInForce' && step !== 'prune')
  expect(steps).toEqual(['fence', 'evict', 'publish', 'moveCursors'])
  expect(world.redis.evicted).toEqual(['legacy:42'])
  expect(fenced(world)).toContain(balance(42))
})

it.for(['fence', 'evict', 'publish', 'moveCursors'] as const)(
  'an error in "%s" leaves the cursor, and the batch comes again until all of it is done',
  async (failing) => {
    const world = await openRunning()
    const cursor = world.cursor(0)
    let failures = 0
    const cursorsAtFailure: unknown[] = []
    world.before = (step: Step) => {
      if (step !== failing || failures === 3) return
      failures++
      cursorsAtFailure.push(world.cursor(0))
      throw new Error(`${step} fails`)
    }
    world.change(42)
    await vi.waitFor(() => expect(world.isDone).toBe(true))
    expect(cursorsAtFailure).toEqual([cursor, cursor, cursor])
    expect(fenced(world)).toContain(balance(42))
  },
)

it('R13: after a lost connection a batch goes on from the cursor that Redis holds', async () => {
  const world = await openRunning()
  world.before = (step) => {
    if (step !== 'publish') return
    world.before = () => undefined
    world.redis.breakConnections()
  }
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const [first, ...then] = world.steps.filter((step) => ['fence', 'moveCursors', 'cursors'].includes(step))
  expect(first).toBe('fence')
  expect(then.slice(0, 4)).toEqual(['moveCursors', 'cursors', 'fence', 'moveCursors'])
})

it('nothing is published, and no cursor moves, while Kafka acknowledges nothing', async () => {
  const world = await openRunning()
  const cursor = world.cursor(0)
  world.before = (step) => {
    if (step === 'publish') throw new Error('not acknowledged')
  }
  world.change(42)
  await vi.waitFor(() => expect(world.steps.filter((step) => step === 'publish').length).toBeGreaterThan(5))
  expect(world.cursor(0)).toBe(cursor)
  expect(world.steps).not.toContain('moveCursors')
})

it('what is announced names the records that it was made of, and a gap its cause', async () => {
  const world = await openRunning()
  const from = world.end(0)
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const announced = world.published('invalidations').filter((record) => record.kind === 'invalidation')
  const ofChange = announced.filter(({ cause }) => cause === 'change')
  expect(ofChange.length).toBeGreaterThan(0)
  for (const { batch, fencedAt } of ofChange) {
    expect(batch).toMatchObject({ topic: topics.changes('member'), partition: 0, from, to: from + 1n })
    expect(batch?.readAt).toBeLessThanOrEqual(fencedAt)
  }
  world.gap({ kind: 'all' })
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const gaps = world
    .published('invalidations')
    .flatMap((record) => (record.kind === 'invalidation' ? [record.gap] : []))
  expect(gaps).toContain('first-start')
})

it('a missing cursor is a gap: everything that the topic could fence is fenced behind a floor', async () => {
  const world = await openRunning()
  world.redis.cursors.clear()
  world.redis.breakConnections()
  world.change(42)
  await vi.waitFor(() => expect(world.cursor(0)).toBe(world.end(0)))
  expect(world.steps).toContain('gap')
  expect(fenced(world)).toEqual(expect.arrayContaining(['*member:{id}:balance', '*members:list:{query}']))
})

it('an unreadable record is a dead letter and fences under the transaction of its headers', async () => {
  const world = await openRunning()
  world.garbage(0, { xid: '77', lsn: '88' })
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(world.published('deadLetters')).toMatchObject([{ sourcePartition: 0, attempts: 1 }])
  expect(fenced(world)).toEqual(expect.arrayContaining(['*member:{id}:balance', balance(42)]))
  expect(world.redis.records.get(5)?.transactions.get(77n as never)).toBe(88n)
  expect(world.steps).not.toContain('gap')
})

it('unreadable records without a transaction are one gap a batch', async () => {
  const world = await openRunning()
  for (let count = 0; count < 20; count++) world.garbage(0)
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(world.published('deadLetters')).toHaveLength(20)
  const batches = world.steps.filter((step) => step === 'moveCursors').length
  expect(world.steps.filter((step) => step === 'gap').length).toBeLessThanOrEqual(batches)
  expect(fenced(world)).toEqual(expect.arrayContaining(['*member:{id}:balance', balance(42)]))
})

it('a header that names a transaction which has not begun is not believed: no load would ever see it', async () => {
  const world = await openRunning()
  world.garbage(0, { xid: '99999999999999999999', lsn: '88' })
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(world.steps).toContain('gap')
  expect([...world.redis.records.values()].every(({ transactions }) => transactions.size === 0)).toBe(true)
})

it('a template that many transactions fence is fenced behind one floor, which stands before the rotation', async () => {
  const world = await openRunning()
  for (let count = 1; count <= 50; count++) world.garbage(0, { xid: `${count}`, lsn: `${count}` })
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const floors = [...world.redis.records.values()].map(({ floor }) => floor)
  expect(floors.every((floor) => typeof floor === 'bigint' && floor > 50n)).toBe(true)
  const held = [...world.redis.records.values()].reduce((sum, { transactions }) => sum + transactions.size, 0)
  expect(held).toBeLessThan(1_024 * 20)
  expect(fenced(world)).toContain('*member:{id}:balance')
})

it('records that Kafka has lost are a gap', async () => {
  const world = await openRunning()
  world.change(1)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  world.steps.length = 0
  world.watermark(0, { sequence: 100n })
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(world.steps).toContain('gap')
})

it('a gap of all tables fences all templates', async () => {
  const world = await openRunning()
  world.gap({ kind: 'all' })
  await vi.waitFor(() => expect(fenced(world)).toContain('*members:list:{query}'))
})

it('shards that came from another master of a Cluster are fenced like a gap before any cursor moves', async () => {
  const world = await openRunning()
  world.redis.arrivedShards = [7]
  world.redis.breakConnections()
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(world.steps.indexOf('gap')).toBeGreaterThan(world.steps.indexOf('arrivedShards'))
  expect(world.steps.indexOf('gap')).toBeLessThan(world.steps.indexOf('moveCursors'))
  const floorOf = (shard: number) => Number(world.redis.records.get(shard)?.floor)
  expect(floorOf(7)).toBeGreaterThan(floorOf(8)) // which has the one of the first start
})

it('of many shards that came from another master each template is announced once: a broker takes 1 MiB', async () => {
  const world = await openRunning()
  const before = fenced(world).length
  world.redis.arrivedShards = Array.from({ length: 512 }, (_, shard) => shard)
  world.redis.breakConnections()
  world.change(42)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const announced = fenced(world)
    .slice(before)
    .filter((tag) => tag.startsWith('*'))
  expect(announced.toSorted()).toEqual(['*member:{id}:balance', '*members:list:{query}'])
})

it('records that are gone are skipped only once the shards that came from another master are fenced', async () => {
  const world = await openRunning()
  world.redis.arrivedShards = [7]
  world.redis.breakConnections()
  await world.engine.offsetOutOfRange(topics.changes('member'), 0, world.end(0))
  expect(world.steps).toContain('arrivedShards')
  expect(world.steps.indexOf('arrivedShards')).toBeLessThan(world.steps.indexOf('moveCursors'))
})
