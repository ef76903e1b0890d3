import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { HotKeys } from '../src/hot-keys/hot-keys.js'
import { gaugeHotKeys, listenToMetrics } from '../src/telemetry/metrics.js'
import { World } from './world.js'

const settings = { among: 1_000, moreThan: 100, windowMs: 3_600_000 }
const hot = { owner: 'world', template: 'balance', key: 'member:42:balance' }

async function openService(world: World, given = settings) {
  const engine = await world.start(1_000, given)
  const { hotKeys } = engine
  if (hotKeys === undefined) throw new Error('no reads are counted')
  return { hotKeys, texts: () => hotKeys.hot().map(({ key, count }) => [key, count]) }
}

it('what two clients read too seldom each is hot in the fleet, and what both read seldom is not', async () => {
  const world = await World.open()
  const { hotKeys } = await openService(world)
  for (const instance of ['one', 'other']) {
    world.reads(instance, 'member:42:balance', 60)
    world.reads(instance, 'member:7:balance', 40)
  }
  await expect.poll(() => hotKeys.hot(), { timeout: 5_000 }).toEqual([{ ...hot, count: 120, rank: 1 }])
})

it('a hot key is still hot after a restart, and what was read before the window is not', async () => {
  const world = await World.open()
  world.reads('one', 'member:7:balance', 500, 2 * settings.windowMs)
  world.reads('one', 'member:42:balance', 120, settings.windowMs / 2)
  for (let start = 0; start < 2; start++) {
    const { texts } = await openService(world)
    await expect.poll(texts, { timeout: 5_000 }).toEqual([['member:42:balance', 120]])
  }
})

it('a record that cannot be read is skipped and counted, and the next one is read', async () => {
  const world = await World.open()
  const registry = new Registry()
  listenToMetrics(world.occurrences, registry)
  const { hotKeys, texts } = await openService(world)
  gaugeHotKeys(hotKeys, registry)
  for (const value of [
    '{ this is no JSON',
    null,
    '{"specversion":"1.0","id":"1","source":"s","type":"freshet.other.v9"}',
  ])
    world.writesToReports(value)
  world.reads('one', 'member:42:balance', 120)
  await expect.poll(texts, { timeout: 5_000 }).toEqual([['member:42:balance', 120]])
  const metrics = await registry.metrics()
  for (const line of [
    'freshet_access_reports_total{outcome="skipped"} 3',
    'freshet_access_reports_total{outcome="counted"} 1',
    'freshet_cache_reads_total{template="balance",outcome="l1"} 120',
    'freshet_hot_keys{template="balance"} 1',
  ])
    expect(metrics).toContain(line)
})

it('what was reported before the start makes keys hot, and is not counted a second time by the metrics', async () => {
  const world = await World.open()
  const registry = new Registry()
  listenToMetrics(world.occurrences, registry)
  world.reads('one', 'member:42:balance', 120)
  for (const record of world.kafka.logs('access-stats.v1').flatMap(({ records }) => records))
    Object.assign(record, { timestampMs: record.timestampMs - 60_000 })
  const { texts } = await openService(world)
  await expect.poll(texts, { timeout: 5_000 }).toEqual([['member:42:balance', 120]])
  expect(await registry.metrics()).not.toMatch(/freshet_cache_reads_total\{/)
})

it('the list is counted anew at most once a second', () => {
  let nowMs = 0
  const keys = new HotKeys(settings, () => nowMs)
  const report = { owner: 'world', endedAt: Date.now(), keys: [{ ...hot, count: 101 }] }
  keys.add(report)
  const first = keys.hot()
  expect(first).toEqual([{ ...hot, count: 101, rank: 1 }])
  keys.add(report)
  nowMs = 999
  expect(keys.hot()).toBe(first)
  nowMs = 1_000
  expect(keys.hot()).toEqual([{ ...hot, count: 202, rank: 1 }])
})

it('a service that is not told to count reads has no hot keys, and fences as ever', async () => {
  const world = await World.open()
  world.reads('one', 'member:42:balance', 120)
  const engine = await world.start()
  expect(engine.hotKeys).toBeUndefined()
  world.register()
  world.change(42)
  await expect.poll(() => world.isDone).toBe(true)
})
