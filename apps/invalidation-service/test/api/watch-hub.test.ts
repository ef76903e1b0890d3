import { topicSpecs } from '@freshet/events'
import { FakeKafkaServer, FakeRedisServer } from '@freshet/testing'
import { expect, it, onTestFinished } from 'vitest'
import { WatchHub } from '../../src/api/watch-hub.js'

async function openHub() {
  const server = new FakeKafkaServer()
  const kafka = server.connect()
  onTestFinished(() => kafka.close())
  await kafka.admin.ensureTopics(topicSpecs('', [], { partitions: 2 }))
  const hotKeys = { among: 10, moreThan: 5, windowMs: 60_000 }
  const { values } = new FakeRedisServer().connect()
  const hub = new WatchHub({ catalogs: [], refused: [], values, kafka, topicPrefix: '', hotKeys, ranking: undefined })
  return { server, hub }
}
const all = () => true

it('all who watch share one reader', async () => {
  const { server, hub } = await openHub()
  const ending = new AbortController()
  const watches = [1, 2, 3].map(() => hub.watch(all, ending.signal))
  for (const watch of watches) {
    const events = [String((await watch.next()).value), String((await watch.next()).value)]
    expect(events).toEqual([': Freshet\n\n', 'event: watching\ndata: {}\n\n'])
  }
  expect(server.groupNames()).toHaveLength(1)
  ending.abort()
  for (const watch of watches) await watch.next()
  await expect.poll(() => server.groupNames()).toEqual([])
})

it('who comes while the service drains is let go, and nothing is read for him', async () => {
  const { server, hub } = await openHub()
  await hub.beforeApplicationShutdown()
  const seen: string[] = []
  for await (const event of hub.watch(all, new AbortController().signal)) seen.push(event)
  expect(seen).toEqual([': Freshet\n\n'])
  expect(server.groupNames()).toEqual([])
})
