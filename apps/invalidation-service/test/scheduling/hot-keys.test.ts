import { shardOf } from '@freshet/cache-keys'
import { windowEntry } from '@freshet/coherence'
import { expect, it, vi } from 'vitest'
import { World } from '../world.js'

const shard = shardOf('members:list')
const tag = 'members:list:*'
const hotList = 'members:list:page=1'
const hotBalance = 'member:42:balance'

/** These keys are hot. */
async function openHot(...hot: readonly string[]) {
  const world = await World.open()
  for (const key of hot) world.reads('one', key, 200)
  world.register()
  for (const partition of [0, 1]) world.watermark(partition)
  const engine = await world.start(1_000, { among: 1_000, moreThan: 100, windowMs: 3_600_000 })
  await expect.poll(() => engine.hotKeys?.hot().length, { timeout: 5_000 }).toBe(hot.length)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const { values } = world.redis.connect()
  const cached = async () => (await values.capture([{ shard, tag }], 60_000)).generations[0] ?? ''
  const isOpen = async (generation: string) =>
    (await values.openWindows([{ shard, tag, entry: windowEntry(tag, generation, 10_000) }]))[0]
  return { world, cached, isOpen }
}

it('a change opens the windows of the hot keys that its tags cover, and asks for their refresh, once', async () => {
  const { world, cached, isOpen } = await openHot(hotList, hotBalance)
  const generation = await cached()
  const before = Date.now()
  world.change(1)
  world.change(2)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(await isOpen(generation)).toBe(true)
  const requests = world.published('warmRequests')
  expect(requests).toMatchObject([
    { template: 'list', key: hotList, parameters: { query: { page: '1' } }, priority: 1 },
  ])
  const [request] = requests
  if (request?.kind !== 'warm-request') throw new Error('no request')
  expect(request.notBefore).toBeGreaterThanOrEqual(before + 1_000)
  expect(request.deadline).toBeLessThanOrEqual(Date.now() + 10_000)
})

it('a strict hot key is asked for at once, and once more for what fences it meanwhile', async () => {
  const { world } = await openHot(hotBalance)
  for (const _each of [1, 2, 3]) {
    world.change(42)
    await vi.waitFor(() => expect(world.isDone).toBe(true))
  }
  const requests = world.published('warmRequests').flatMap((record) => (record.kind === 'warm-request' ? [record] : []))
  expect(requests).toMatchObject(requests.map(() => ({ template: 'balance', parameters: { id: '42' }, priority: 2 })))
  const begins = requests.map(({ notBefore }) => notBefore)
  expect(begins.length).toBeGreaterThanOrEqual(2)
  for (const [at, begin] of begins.slice(1).entries()) expect(begin - (begins[at] ?? 0)).toBeGreaterThanOrEqual(250)
})

it('of a change it is counted what it fenced, which of it is hot and scheduled, and which is cold', async () => {
  const { world } = await openHot(hotList)
  const counted: unknown[] = []
  world.occurrences.on('batch:applied', ({ tagsFenced, coldTagsFenced, hotKeysFenced, refreshesScheduled }) => {
    if (tagsFenced > 0) counted.push({ tagsFenced, coldTagsFenced, hotKeysFenced, refreshesScheduled })
  })
  world.change(42)
  await vi.waitFor(() =>
    expect(counted).toEqual([{ tagsFenced: 2, coldTagsFenced: 1, hotKeysFenced: 1, refreshesScheduled: 1 }]),
  )
})

it('cold keys get no window', async () => {
  const { world, cached, isOpen } = await openHot(hotBalance)
  const generation = await cached()
  world.change(1)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(await isOpen(generation)).toBe(false)
  expect(world.published('warmRequests')).toEqual([])
})

it('what stood in the log when the session with this Redis began opens no window: it may have been applied before', async () => {
  const { world, cached, isOpen } = await openHot(hotList)
  const generation = await cached()
  world.before = (step) => {
    if (step !== 'fence') return
    world.before = () => undefined
    world.redis.breakConnections() // as a failover does, to a copy that holds the generation again
  }
  world.change(1)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(await isOpen(generation)).toBe(false)
  const next = await cached()
  world.change(2)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  expect(await isOpen(next)).toBe(true)
})
