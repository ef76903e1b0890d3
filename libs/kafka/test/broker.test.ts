import { randomUUID } from 'node:crypto'
import { startStack, type Stack } from '@freshet/local-stack'
import kafkajs from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectKafka, type ConsumerOptions, type IncomingRecord, type KafkaPort } from '../src/index.js'

const eventually = <T>(check: () => T | Promise<T>, timeout = 30_000): Promise<T> =>
  vi.waitFor(check, { timeout, interval: 20 })
const textOf = ({ value }: IncomingRecord): string => String(value)

/** What only a real broker shows; the rest is in the contract that the fake keeps too. */
describe('with a real broker', { timeout: 90_000 }, () => {
  let stack: Stack
  let port: KafkaPort
  let topic: string
  let foreign: kafkajs.Kafka

  beforeAll(async () => {
    stack = await startStack()
    foreign = new kafkajs.Kafka({ brokers: [stack.kafkaBrokers], logLevel: kafkajs.logLevel.NOTHING })
  }, 120_000)
  afterAll(() => stack.stop(), 60_000)
  beforeEach(() => {
    port = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'broker-test' })
    topic = `broker-${randomUUID()}`
  })
  afterEach(() => port.close(), 60_000)

  const create = (config: Record<string, string> = {}) => port.admin.ensureTopics([{ topic, partitions: 1, config }])
  const collect = async (options: Partial<ConsumerOptions> = {}) => {
    const values: string[] = []
    const consumer = port.consumer({
      groupId: `group-${topic}`,
      topics: [topic],
      positions: () => Promise.resolve(new Map([[0, BigInt(values.length)]])),
      onBatch: async ({ records }) => void values.push(...records.map(textOf)),
      ...options,
    })
    await consumer.start()
    return { consumer, values }
  }

  describe('compressed batches', () => {
    const values = Array.from({ length: 200 }, (_, index) => `value ${index} ${'abc'.repeat(index)}`)

    it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('%s as Java writes it is read', async (codec) => {
      await create({ 'compression.type': codec }) // the broker compresses anew, with its own codecs
      await (await port.producer()).send(values.map((value) => ({ topic, key: null, value })))
      const { values: read } = await collect()
      await eventually(() => expect(read).toEqual(values))
    })

    it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('%s as written here is read by Java', async (compression) => {
      await create({ 'compression.type': 'uncompressed' }) // the broker takes the batch apart
      const producer = await port.producer({ compression })
      await producer.send(values.map((value) => ({ topic, key: null, value })))
      const { values: read } = await collect()
      await eventually(() => expect(read).toEqual(values))
    })

    it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
      '%s passes through the broker as it was written',
      async (compression) => {
        await create({ 'compression.type': 'producer' })
        const producer = await port.producer({ compression })
        await producer.send(values.map((value) => ({ topic, key: null, value })))
        const { values: read } = await collect()
        await eventually(() => expect(read).toEqual(values))
      },
    )
  })

  it('a record that is too large for its topic is named, and later ones pass', async () => {
    await create({ 'max.message.bytes': '100000' })
    const producer = await port.producer()
    const tooLarge = producer.send([{ topic, key: null, value: 'x'.repeat(200_000) }])
    await expect(tooLarge).rejects.toMatchObject({ kafkaError: 'MESSAGE_TOO_LARGE', retriable: false })
    await producer.send([{ topic, key: null, value: 'small' }])
    const { values } = await collect()
    await eventually(() => expect(values).toEqual(['small']))
  })

  it('says when retention overtakes a running consumer; kafkajs alone would jump in silence', async () => {
    await create({ 'segment.bytes': '1048576' })
    const producer = await port.producer()
    const admin = foreign.admin()
    await admin.connect()
    const reports: unknown[] = []
    const values: string[] = []
    let inHand = false
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    await collect({
      positions: () => Promise.resolve(new Map([[0, 0n]])),
      onBatch: async ({ records }) => {
        inHand = true
        await gate
        values.push(...records.map(textOf))
      },
      onOffsetOutOfRange: async (...report) => {
        reports.push(report)
        return report[3]
      },
    })
    await producer.send([{ topic, key: null, value: 'a' }])
    await eventually(() => expect(inHand).toBe(true))
    await producer.send(['lost', 'b'].map((value) => ({ topic, key: null, value })))
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.disconnect()
    release()
    await eventually(() => expect(values.at(-1)).toBe('b'))
    expect(values).toEqual(['a', 'b'])
    expect(reports).toEqual([[topic, 0, 1n, 2n]])
  })

  it('holes in the offsets are no loss: control records, aborted transactions', async () => {
    await create()
    const transactional = foreign.producer({ transactionalId: `tx-${topic}`, idempotent: true, maxInFlightRequests: 1 })
    await transactional.connect()
    const inTransaction = async (value: string, end: 'commit' | 'abort') => {
      const transaction = await transactional.transaction()
      await transaction.send({ topic, messages: [{ value }] })
      await transaction[end]()
    }
    const reports: unknown[] = []
    const { values } = await collect({
      positions: () => Promise.resolve(new Map([[0, 0n]])),
      onOffsetOutOfRange: async (...report) => {
        reports.push(report)
        return report[3]
      },
    })
    await inTransaction('a', 'commit')
    await eventually(() => expect(values).toEqual(['a']))
    await inTransaction('taken back', 'abort')
    await inTransaction('b', 'commit')
    await inTransaction('taken back too', 'abort')
    await transactional.disconnect()
    await eventually(() => expect(values).toEqual(['a', 'b']))
    expect(reports).toEqual([])
    const reader = port.broadcast({ topics: [topic], from: 'earliest' })
    await reader.start()
    await reader.caughtUp() // the last offsets hold nothing that is handed over
  })

  it('a killed and restarted broker costs no record and no order', async () => {
    await create()
    const producer = await port.producer()
    const { consumer, values } = await collect()
    await eventually(() => expect(consumer.health()).toEqual({ state: 'consuming' }))
    const sent: string[] = []
    let stop = false
    const sending = (async () => {
      for (let index = 0; !stop; index += 1) {
        const value = String(index)
        for (;;) {
          const failed = await producer.send([{ topic, key: null, value }]).catch((error: unknown) => error)
          if (failed === undefined) break
          expect(failed).toMatchObject({ code: 'KAFKA_SEND_FAILED', retriable: true })
        }
        sent.push(value)
      }
    })()
    await eventually(() => expect(values.length).toBeGreaterThan(50))
    await stack.servers.kafka.kill('SIGKILL')
    await eventually(() => expect(consumer.health().state).not.toBe('consuming'))
    await stack.servers.kafka.start()
    const before = sent.length
    await eventually(() => expect(sent.length).toBeGreaterThan(before + 50), 60_000)
    stop = true
    await sending
    await eventually(() => expect(values.at(-1)).toBe(sent.at(-1)), 60_000)
    // Repeated by a send that had failed and yet been written; never out of order, never missing.
    expect(values.filter((value, index) => value !== values[index - 1])).toEqual(sent)
    await eventually(() => expect(consumer.health()).toEqual({ state: 'consuming' }))
  })

  it('a broker that falls silent is given up, and nothing is lost or out of order once it wakes', async () => {
    await create()
    const hasty = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'hasty', silenceMs: 2_000 })
    try {
      const producer = await hasty.producer()
      const { consumer, values } = await collect()
      await producer.send([{ topic, key: null, value: 'a' }])
      await eventually(() => expect(values).toEqual(['a']))
      await stack.servers.kafka.kill('SIGSTOP')
      await expect(producer.send([{ topic, key: null, value: 'b' }])).rejects.toMatchObject({
        code: 'KAFKA_SEND_FAILED',
        retriable: true,
      })
      await stack.servers.kafka.start()
      await producer.send([{ topic, key: null, value: 'c' }])
      await eventually(() => expect(values.at(-1)).toBe('c'), 30_000)
      expect(values.filter((value) => value !== 'b')).toEqual(['a', 'c'])
      await eventually(() => expect(consumer.health()).toEqual({ state: 'consuming' }), 30_000)
    } finally {
      await hasty.close()
    }
  })

  it('starts before its broker does, and says what it waits for', async () => {
    await create()
    await (await port.producer()).send([{ topic, key: null, value: 'a' }])
    await stack.servers.kafka.kill('SIGKILL')
    const { consumer, values } = await collect()
    await eventually(() =>
      expect(consumer.health()).toMatchObject({ state: expect.stringMatching(/restarting|starting/) as string }),
    )
    await stack.servers.kafka.start()
    await eventually(() => expect(values).toEqual(['a']))
  })

  it('a broker that cannot be reached is named', async () => {
    const nowhere = connectKafka({ brokers: ['127.0.0.1:1'], clientId: 'broker-test' })
    await expect(nowhere.producer()).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', brokers: ['127.0.0.1:1'] })
    await nowhere.close()
  })
})
