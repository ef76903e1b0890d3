import { encodeInvalidation, topics, topicSpecs, type Draft, type InvalidationRecord } from '@freshet/events'
import { FenceFeed, type SeenFence } from '@freshet/explain'
import { describeKey } from '@freshet/planner'
import { FakeKafkaServer } from '@freshet/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import { shop } from './shop.js'

const shard = describeKey([shop], 'customer:42:balance')[0]?.shard ?? 0
const fence = (topic: string, tags: readonly string[]): Draft<InvalidationRecord> => ({
  source: 'test',
  shard,
  tags,
  cause: 'change',
  fencedAt: 1_000,
  batch: { topic, partition: 0, from: 0n, to: 1n, readAt: 900 },
})

async function openFeed(prefix: string) {
  const server = new FakeKafkaServer()
  const kafka = server.connect()
  onTestFinished(() => kafka.close())
  await kafka.admin.ensureTopics(topicSpecs(prefix, ['sale'], { partitions: 1 }))
  const seen: SeenFence[] = []
  const feed = new FenceFeed({
    kafka,
    topicPrefix: prefix,
    catalogs: () => [shop],
    isWatched: ({ text }) => text !== 'customer:42:*',
    onFence: (each) => seen.push(each),
    onMissed: () => undefined,
  })
  await feed.start()
  const send = (record: Draft<InvalidationRecord>): void =>
    server.append([{ topic: topics(prefix).invalidations, ...encodeInvalidation(record) }])
  return { server, seen, send }
}

it('of a fence those rules are named that rest on its own topic, under whatever prefix', async () => {
  const { seen, send } = await openFeed('staging.')
  send(fence('staging.sale.changes.v1', ['customer:42:balance', 'customer:42:*']))
  await vi.waitFor(() => expect(seen).toHaveLength(1)) // the other one nobody watches
  expect(seen[0]).toMatchObject({ tag: 'customer:42:balance', entity: 'sale', rules: [{ rule: 0 }] })
})

it('of a fence by a topic that others write, all rules are named that can', async () => {
  const { seen, send } = await openFeed('staging.')
  send(fence('shop.public.sales', ['customer:42:sales:*']))
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  expect(seen[0]?.entity).toBeUndefined()
  expect(seen[0]?.rules.map(({ rule, event }) => [rule, event])).toEqual([[1, 'sale.paid']])
})

it('what someone else wrote to the topic hides nothing', async () => {
  const { server, seen, send } = await openFeed('')
  server.append([{ topic: topics().invalidations, key: null, value: '{ this is no JSON' }])
  send(fence('sale.changes.v1', ['customer:42:balance']))
  await vi.waitFor(() => expect(seen).toHaveLength(1))
})
