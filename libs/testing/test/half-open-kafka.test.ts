import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { startStack, type Stack } from '@freshet/local-stack'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, TcpProxy } from '../src/live.js'

let proxy: TcpProxy
let stack: Stack

beforeAll(async () => {
  proxy = await TcpProxy.ahead()
  stack = await startStack({ provider: 'native', kafkaProxy: proxy.authority })
  proxy.leadTo(`tcp://${stack.kafkaBehindProxy}`)
}, 120_000)
afterAll(async () => {
  await stack?.stop()
  await proxy?.close()
}, 60_000)

const closingTime = async (kafka: KafkaPort): Promise<number> => {
  const fromMs = performance.now()
  await kafka.close()
  return performance.now() - fromMs
}

it('connections to Kafka that have gone silent are given up with the first request that they leave unanswered', async () => {
  const silenceMs = 8_000 // so a request's limit is 4 s, and without it a member is taken for lost after 16 s
  const kafka = connectKafka({ brokers: [proxy.authority], clientId: 'half-open', silenceMs })
  try {
    const topic = 'half-open'
    await kafka.admin.ensureTopics([{ topic, partitions: 1, config: {} }])
    const producer = await kafka.producer()
    const values: string[] = []
    const consumer = kafka.consumer({
      groupId: 'half-open',
      topics: [topic],
      positions: () => Promise.resolve(new Map([[0, BigInt(values.length)]])),
      onBatch: async ({ records }) => void values.push(...records.map(({ value }) => String(value))),
    })
    await consumer.start()
    await producer.send([{ topic, key: null, value: 'a' }])
    await eventually(() => values, ['a'])

    proxy.fallSilent()
    const sent = producer.send([{ topic, key: null, value: 'b' }])
    const asked = kafka.admin.partitionsOf(topic)
    await eventually(() => consumer.health().state, 'unreachable')
    proxy.pass() // new connections would be answered

    await Promise.all([sent, asked])
    await eventually(() => values, ['a', 'b'], 9_000)
    await eventually(() => consumer.health(), { state: 'consuming' })
    expect(await closingTime(kafka)).toBeLessThan(3_000)
  } finally {
    await kafka.close()
  }
}, 60_000)

it('what is closed while Kafka is silent does not wait for it: a service has 10 s to drain', async () => {
  const topic = 'silent-end'
  const kafka = connectKafka({ brokers: [proxy.authority], clientId: 'silent-end' })
  await kafka.admin.ensureTopics([{ topic, partitions: 1, config: {} }])
  const producer = await kafka.producer()
  const send = async (value: string): Promise<void> => producer.send([{ topic, key: null, value }])
  let isHandling = false
  const consumer = kafka.consumer({
    groupId: 'silent-end',
    topics: [topic],
    positions: () => Promise.resolve(new Map()),
    onBatch: async () => {
      isHandling = true
      await send('answer')
    },
  })
  const reader = kafka.broadcast({ topics: [topic], from: 'latest' })
  await Promise.all([consumer.start(), reader.start()])
  await eventually(() => consumer.health().state, 'consuming')
  await send('question')
  await eventually(() => isHandling, true)
  proxy.fallSilent()
  send('nobody hears it').catch(() => undefined)
  try {
    expect(await closingTime(kafka)).toBeLessThan(8_000)
  } finally {
    proxy.pass()
  }
}, 60_000)
