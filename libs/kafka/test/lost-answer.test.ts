import { connect } from 'node:net'
import { startStack, type Stack } from '@freshet/local-stack'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { GroupConsumer } from '../src/consumer.js'
import { connectKafka, type ConsumerOptions, type IncomingBatch, type KafkaPort } from '../src/index.js'
import { apiKeys, LossyWay } from './lossy-way.js'

const partitions = [0, 1, 2, 3]

let stack: Stack
let port: KafkaPort

beforeAll(async () => {
  stack = await startStack()
  port = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'lost-answer' })
}, 120_000)
afterAll(async () => {
  await port?.close()
  await stack?.stop()
}, 60_000)

it.for(['joinGroup', 'syncGroup'] as const)(
  'a member that never hears the answer to its %s joins anew: every partition is read',
  { timeout: 90_000 },
  async (request) => {
    const topic = `lost-${request}`
    await port.admin.ensureTopics([{ topic, partitions: partitions.length, config: {} }])
    const read = new Set<string>()
    const options: ConsumerOptions = {
      groupId: `group-${topic}`,
      topics: [topic],
      positions: async (_topic, wanted) => new Map(wanted.map((partition) => [partition, 0n])),
      onBatch: async ({ records }: IncomingBatch) => {
        for (const { value } of records) read.add(String(value))
      },
    }
    const way = await LossyWay.to(stack.kafkaBrokers)
    const first = memberBy(way, options)
    const second = port.consumer(options)
    onTestFinished(async () => {
      await Promise.all([first.close(), second.close()])
      way.close()
    })
    await first.start()
    await vi.waitFor(() => expect(first.assignment()).toHaveLength(partitions.length), { timeout: 30_000 })
    way.loseNextAnswer(apiKeys[request])
    await second.start()
    await vi.waitFor(() => expect(way.lost).toBe(1), { timeout: 30_000 })
    await vi.waitFor(() => expect(second.assignment().length).toBeGreaterThan(0), { timeout: 30_000 })
    const values = partitions.map((partition) => `in ${partition}`)
    const producer = await port.producer()
    await producer.send(partitions.map((partition) => ({ topic, partition, key: null, value: `in ${partition}` })))
    await vi.waitFor(() => expect([...read].sort()).toEqual(values), { timeout: 40_000, interval: 50 })
  },
)

/** A member of a group, all of whose connections take this way. */
function memberBy(way: LossyWay, options: ConsumerOptions): GroupConsumer {
  const open = () => ({
    kafka: new kafkajs.Kafka({
      brokers: [stack.kafkaBrokers],
      clientId: 'member',
      logLevel: kafkajs.logLevel.NOTHING,
      socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port: way.port }, onConnect),
    }),
    cut: () => undefined,
    onRequestTimeout: () => undefined,
  })
  const admin = { ...adminOf(port), refresh: () => undefined }
  return new GroupConsumer(open, admin, options, { commits: 'none' }, 60_000)
}

const adminOf = ({ admin }: KafkaPort): KafkaPort['admin'] => ({
  ensureTopics: (specs) => admin.ensureTopics(specs),
  partitionsOf: (topic) => admin.partitionsOf(topic),
  offsets: (topic) => admin.offsets(topic),
  topics: () => admin.topics(),
  describe: (topic) => admin.describe(topic),
  committed: (groupId, topic) => admin.committed(groupId, topic),
})
