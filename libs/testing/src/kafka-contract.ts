import { randomUUID } from 'node:crypto'
import type { BatchConsumer, ConsumerOptions, IncomingRecord, KafkaPort } from '@freshet/kafka'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

/** A Kafka that the contract is tried on. */
export interface KafkaUnderTest {
  connect(): KafkaPort
  /** Deletes a partition's records below this offset, as retention does. */
  deleteRecords(topic: string, partition: number, before: bigint): Promise<void>
  groups(): Promise<string[]>
  stop(): Promise<void>
}

const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 20_000, interval: 20 })
const textOf = ({ value }: IncomingRecord): string => value?.toString() ?? 'null'
const fromTheBeginning = () => Promise.resolve(new Map<number, bigint>())

/** What every KafkaPort keeps, whichever way it is made. */
export function kafkaContract(name: string, start: () => Promise<KafkaUnderTest>): void {
  describe(`${name} keeps the contract of KafkaPort`, { timeout: 60_000 }, () => {
    let kafka: KafkaUnderTest
    let port: KafkaPort
    let topic: string

    beforeAll(async () => {
      kafka = await start()
    }, 120_000)
    afterAll(() => kafka.stop(), 60_000)
    beforeEach(async () => {
      port = kafka.connect()
      topic = `contract-${randomUUID()}`
      await port.admin.ensureTopics([{ topic, partitions: 3, config: { 'retention.ms': '3600000' } }])
    }, 60_000)
    afterEach(() => port.close(), 60_000)

    /** Sends values to one partition, each in a call of its own. */
    const send = async (partition: number, ...values: string[]) => {
      const producer = await port.producer()
      await Promise.all(values.map((value) => producer.send([{ topic, partition, key: null, value }])))
    }
    const open = async (
      options: Partial<ConsumerOptions> & Pick<ConsumerOptions, 'onBatch'>,
    ): Promise<BatchConsumer> => {
      const consumer = port.consumer({
        groupId: `group-${topic}`,
        topics: [topic],
        positions: fromTheBeginning,
        retryMs: 10,
        retryMaxMs: 50,
        sessionTimeoutMs: 6_000,
        ...options,
      })
      await consumer.start()
      return consumer
    }
    const consuming = (consumer: BatchConsumer) =>
      eventually(() => expect(consumer.health()).toMatchObject({ state: 'consuming' }))
    /** A consumer that keeps what it is handed. */
    const collect = async (options: Partial<ConsumerOptions> = {}) => {
      const records: IncomingRecord[] = []
      const consumer = await open({ onBatch: async (batch) => void records.push(...batch.records), ...options })
      return { records, consumer, values: () => records.map(textOf) }
    }

    describe('sending', () => {
      it('a record comes back as it was sent', async () => {
        const producer = await port.producer()
        await producer.send([
          { topic, partition: 1, key: 'schlüssel', value: Buffer.from([0, 255]), headers: { xid: '7', name: 'Zoë' } },
          { topic, partition: 1, key: null, value: null },
        ])
        const { records } = await collect()
        await eventually(() => expect(records).toHaveLength(2))
        expect(records[0]).toMatchObject({
          topic,
          partition: 1,
          offset: 0n,
          key: Buffer.from('schlüssel'),
          value: Buffer.from([0, 255]),
          headers: { xid: '7', name: 'Zoë' },
        })
        expect(records[1]).toMatchObject({ offset: 1n, key: null, value: null, headers: {} })
        expect(Math.abs(Date.now() - (records[0]?.timestampMs ?? 0))).toBeLessThan(60_000)
      })

      it("a key goes where Java's client sends it, a record without key or partition to partition 0", async () => {
        const producer = await port.producer()
        // By org.apache.kafka.common.utils.Utils: toPositive(murmur2(key)) % 3.
        for (const key of ['42', '21', 'payment-9', null]) await producer.send([{ topic, key, value: String(key) }])
        const { records } = await collect()
        await eventually(() => expect(records).toHaveLength(4))
        const places = Object.fromEntries(records.map((record) => [textOf(record), record.partition]))
        expect(places).toEqual(javaPlaces)
      })

      it('records of many calls stay in the order of the calls', async () => {
        const values = Array.from({ length: 3_000 }, (_, index) => String(index))
        await send(2, ...values)
        const collected = await collect()
        await eventually(() => expect(collected.records).toHaveLength(values.length))
        expect(collected.values()).toEqual(values)
      })

      it('one call may be larger than what Kafka takes in one batch', async () => {
        const producer = await port.producer()
        const value = 'x'.repeat(300_000)
        await producer.send(
          Array.from({ length: 10 }, (_, index) => ({ topic, partition: 0, key: String(index), value })),
        )
        const { records } = await collect()
        await eventually(() => expect(records.map(({ key }) => key?.toString()).join('')).toBe('0123456789'))
      })

      it('a closed producer refuses', async () => {
        const producer = await port.producer()
        await producer.close()
        await expect(producer.send([{ topic, key: null, value: 'x' }])).rejects.toMatchObject({ code: 'KAFKA_CLOSED' })
      })
    })

    describe('topics', () => {
      it('are created once, and described', async () => {
        await port.admin.ensureTopics([{ topic, partitions: 9, config: {} }])
        expect(await port.admin.partitionsOf(topic)).toBe(3)
        expect(await port.admin.topics()).toContain(topic)
        expect(await port.admin.describe(topic)).toMatchObject({ partitions: 3, config: { 'retention.ms': '3600000' } })
        await send(1, 'a', 'b')
        expect(await port.admin.offsets(topic)).toEqual([
          { partition: 0, low: 0n, high: 0n },
          { partition: 1, low: 0n, high: 2n },
          { partition: 2, low: 0n, high: 0n },
        ])
      })

      it('that do not exist are named', async () => {
        const unknown = { code: 'KAFKA_UNKNOWN_TOPIC', topic: 'no-such-topic' }
        await expect(port.admin.partitionsOf('no-such-topic')).rejects.toMatchObject(unknown)
        await expect(port.admin.offsets('no-such-topic')).rejects.toMatchObject(unknown)
        await expect(port.admin.describe('no-such-topic')).rejects.toMatchObject(unknown)
      })
    })

    describe('consuming', () => {
      it('begins where it is told, and at the first kept record where it is not', async () => {
        await send(0, 'a', 'b', 'c')
        await send(1, 'd', 'e')
        const { values } = await collect({ positions: () => Promise.resolve(new Map([[0, 2n]])) })
        await eventually(() => expect(values().sort()).toEqual(['c', 'd', 'e']))
      })

      it('tells where its batches lie', async () => {
        await send(0, 'a', 'b', 'c')
        const batches: [bigint, bigint, number][] = []
        await open({
          onBatch: async ({ firstOffset, nextOffset, highWatermark, records }) => {
            batches.push([firstOffset, nextOffset, records.length])
            expect(highWatermark).toBeGreaterThanOrEqual(nextOffset)
          },
        })
        await eventually(() => expect(batches.at(-1)?.[1]).toBe(3n))
        for (const [first, next, length] of batches) expect(next - first).toBe(BigInt(length))
      })

      it('a handler that throws loses nothing: its records come again, and no later one overtakes them', async () => {
        await send(0, 'a', 'b')
        let failuresLeft = 3
        const errors: unknown[] = []
        const collected = await collect({
          onBatch: async (batch) => {
            if (batch.records.some((record) => textOf(record) === 'b') && failuresLeft-- > 0) throw new Error('not now')
            collected.records.push(...batch.records)
          },
          onHandlerError: (error) => errors.push(error),
        })
        await eventually(() => expect(collected.values()).toContain('b'))
        await send(0, 'c')
        await eventually(() => expect(collected.values().join('')).toMatch(/^a{1,4}bc$/))
        expect(errors).toEqual([new Error('not now'), new Error('not now'), new Error('not now')])
        expect(collected.consumer.health()).toMatchObject({ state: 'consuming' })
      })

      it('goes on from its positions after an error, also where they have moved', async () => {
        await send(0, 'a', 'b', 'c')
        let position = 0n
        const { values } = await collect({
          positions: () => Promise.resolve(new Map([[0, position]])),
          onBatch: async (batch) => {
            if (position === 0n) {
              position = 2n
              throw new Error('another member was quicker')
            }
            values0.push(...batch.records.map(textOf))
          },
        })
        const values0: string[] = values()
        await eventually(() => expect(values0).toEqual(['c']))
      })

      it('a failing partition does not hold up the others, and health says so', async () => {
        await send(0, 'broken')
        await send(1, 'fine')
        const { records, consumer } = await collect({
          onBatch: async (batch) => {
            if (batch.partition === 0) throw new Error('always')
            records.push(...batch.records)
          },
        })
        await eventually(() => expect(records.map(textOf)).toEqual(['fine']))
        await eventually(() => expect(consumer.health()).toMatchObject({ state: 'failing', reason: /always/ }))
        await send(1, 'still')
        await eventually(() => expect(records.map(textOf)).toEqual(['fine', 'still']))
      })

      it('a slow partition does not hold up the others, and gets nothing twice or at the same time', async () => {
        let release: () => void = () => undefined
        const gate = new Promise<void>((resolve) => (release = resolve))
        const seen: string[] = []
        let atWork = 0
        await send(0, 'slow')
        const consumer = await open({
          onBatch: async (batch) => {
            if (batch.partition === 0) expect((atWork += 1)).toBe(1)
            if (batch.records.some((record) => textOf(record) === 'slow')) await gate
            seen.push(...batch.records.map(textOf))
            if (batch.partition === 0) atWork -= 1
          },
        })
        await consuming(consumer)
        await send(1, 'quick')
        await eventually(() => expect(seen).toEqual(['quick']))
        await send(0, 'behind')
        await send(1, 'quick again')
        await eventually(() => expect(seen).toEqual(['quick', 'quick again']))
        release()
        await eventually(() => expect(seen).toEqual(['quick', 'quick again', 'slow', 'behind']))
      })

      it('paused, it hands out nothing and stays in its group; resumed, it asks where to go on', async () => {
        await send(0, 'a')
        const asked: string[] = []
        const { consumer, values } = await collect({
          positions: async () => {
            asked.push('position')
            return new Map([[0, BigInt(values().length)]])
          },
        })
        await eventually(() => expect(values()).toEqual(['a']))
        const before = asked.length
        consumer.pause('Redis is away')
        expect(consumer.health()).toEqual({ state: 'paused', reason: 'Redis is away' })
        await send(0, 'b')
        const other = await collect({ topics: [topic], groupId: `watch-${topic}` })
        await eventually(() => expect(other.values()).toEqual(['a', 'b']))
        expect(values()).toEqual(['a'])
        expect(consumer.assignment()).toHaveLength(3)
        consumer.resume()
        await eventually(() => expect(values()).toEqual(['a', 'b']))
        expect(asked.length).toBeGreaterThan(before)
      })

      it('waits for a topic that does not exist, and reads the others meanwhile', async () => {
        const late = `${topic}-late`
        await send(0, 'a')
        const { consumer, values } = await collect({ topics: [late, topic] })
        await eventually(() => expect(values()).toEqual(['a']))
        expect(consumer.health()).toEqual({ state: 'consuming', missingTopics: [late] })
        const onlyLate = await collect({ topics: [late], groupId: `late-${topic}` })
        await eventually(() => expect(onlyLate.consumer.health()).toMatchObject({ state: 'waiting-for-topics' }))
        await port.admin.ensureTopics([{ topic: late, partitions: 1, config: {} }])
        const producer = await port.producer()
        await producer.send([{ topic: late, key: null, value: 'late' }])
        await eventually(() => expect(onlyLate.values()).toEqual(['late']))
        await eventually(() => expect(values()).toContain('late'))
      })

      it('reads other topics when told to', async () => {
        const other = `${topic}-other`
        await port.admin.ensureTopics([{ topic: other, partitions: 1, config: {} }])
        const { consumer, values } = await collect()
        await consuming(consumer)
        const producer = await port.producer()
        await producer.send([{ topic: other, key: null, value: 'other' }])
        consumer.subscribe([topic, other])
        await eventually(() => expect(values()).toEqual(['other']))
      })

      it('says when its position is no longer in the log, and goes on where it is told', async () => {
        await send(0, 'a', 'b', 'c', 'd')
        await kafka.deleteRecords(topic, 0, 2n)
        const reports: unknown[] = []
        const { values } = await collect({
          positions: () => Promise.resolve(new Map([[0, 1n]])),
          onOffsetOutOfRange: async (...report) => {
            reports.push(report)
            return 3n
          },
        })
        await eventually(() => expect(values()).toEqual(['d']))
        expect(reports).toEqual([[topic, 0, 1n, 2n]])
      })

      it('says when its position lies behind the end of the log: the topic is another one, or was cut', async () => {
        await send(0, 'a')
        const reports: unknown[] = []
        const { values } = await collect({
          positions: () => Promise.resolve(new Map([[0, 100n]])),
          onOffsetOutOfRange: async (...report) => {
            reports.push(report)
            return 0n
          },
        })
        await eventually(() => expect(values()).toEqual(['a']))
        expect(reports).toEqual([[topic, 0, 100n, 0n]])
      })

      it('says when retention overtook it while it was paused', async () => {
        await send(0, 'a')
        const reports: unknown[] = []
        const { consumer, values } = await collect({
          positions: async () => new Map([[0, BigInt(values().length)]]),
          onOffsetOutOfRange: async (...report) => {
            reports.push(report)
            return report[3]
          },
        })
        await eventually(() => expect(values()).toEqual(['a']))
        consumer.pause()
        await send(0, 'lost', 'b')
        await kafka.deleteRecords(topic, 0, 2n)
        consumer.resume()
        await eventually(() => expect(values()).toEqual(['a', 'b']))
        expect(reports).toEqual([[topic, 0, 1n, 2n]])
      })
    })

    describe('the group', () => {
      it('can hold the positions: the next member goes on behind what was handled, each record once', async () => {
        await send(0, 'a', 'b')
        const first = await collect({ positions: 'committed' })
        await eventually(() => expect(first.values()).toEqual(['a', 'b']))
        await first.consumer.close()
        await send(0, 'c')
        const second = await collect({ positions: 'committed' })
        await eventually(() => expect(second.values()).toEqual(['c']))
        await second.consumer.close()
        expect(await port.admin.committed(`group-${topic}`, topic)).toEqual(new Map([[0, 3n]]))
      })

      it('is never committed past what was handled', async () => {
        await send(0, 'a')
        const { records, consumer } = await collect({
          positions: 'committed',
          onBatch: async (batch) => {
            if (batch.records.some((record) => textOf(record) === 'bad')) throw new Error('bad')
            records.push(...batch.records)
          },
        })
        await eventually(() => expect(records.map(textOf)).toEqual(['a']))
        await send(0, 'bad')
        await eventually(() => expect(consumer.health()).toMatchObject({ state: 'failing' }))
        await consumer.close()
        expect(await port.admin.committed(`group-${topic}`, topic)).toEqual(new Map([[0, 1n]]))
      })

      it('has a copy of positions that are kept elsewhere', async () => {
        await send(0, 'a', 'b')
        const { consumer, values } = await collect()
        await eventually(() => expect(values()).toEqual(['a', 'b']))
        await consumer.close()
        expect(await port.admin.committed(`group-${topic}`, topic)).toEqual(new Map([[0, 2n]]))
      })

      it('shares the partitions among its members; what one leaves another takes', async () => {
        const revoked: number[] = []
        const first = await collect({ onRevoked: (partitions) => void revoked.push(partitions.length) })
        await consuming(first.consumer)
        const second = await collect()
        await eventually(() => expect(first.consumer.assignment().length + second.consumer.assignment().length).toBe(3))
        await eventually(() => expect(second.consumer.assignment().length).toBeGreaterThan(0))
        expect(revoked[0]).toBe(3)
        await first.consumer.close()
        await eventually(() => expect(second.consumer.assignment()).toHaveLength(3))
        await consuming(second.consumer)
        for (const partition of [0, 1, 2]) await send(partition, `p${partition}`)
        await eventually(() => expect(second.values().sort()).toEqual(['p0', 'p1', 'p2']))
      })

      it('a handler learns that its partition was taken away', async () => {
        await send(0, 'a')
        let signal: AbortSignal | undefined
        const consumer = await open({
          onBatch: async (_batch, context) => {
            signal = context.signal
            await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()))
            expect(context.isStale()).toBe(true)
          },
        })
        await eventually(() => expect(signal).toBeDefined())
        await consumer.close()
        expect(signal?.aborted).toBe(true)
      })
    })

    describe('broadcasting', () => {
      it('every reader gets every record', async () => {
        const seen = [0, 1].map(() => [] as string[])
        const readers = seen.map((values) =>
          port.broadcast({ topics: [topic], from: 'latest', onRecord: (record) => void values.push(textOf(record)) }),
        )
        await send(0, 'before')
        await Promise.all(readers.map((reader) => reader.start()))
        for (const partition of [0, 1, 2]) await send(partition, `p${partition}`)
        await Promise.all(readers.map((reader) => reader.caughtUp()))
        for (const values of seen) expect(values.sort()).toEqual(['p0', 'p1', 'p2'])
      })

      it('from the earliest, it has read everything once it has caught up', async () => {
        await send(0, 'a', 'b')
        await send(2, 'c')
        const values: string[] = []
        const reader = port.broadcast({
          topics: [topic],
          from: 'earliest',
          onBatch: (batch) => void values.push(...batch.records.map(textOf)),
        })
        await reader.start()
        await reader.caughtUp()
        expect(values.sort()).toEqual(['a', 'b', 'c'])
      })

      it('catches up at once with topics that hold nothing', async () => {
        const reader = port.broadcast({ topics: [topic], from: 'earliest' })
        await reader.start()
        await reader.caughtUp()
        expect(reader.health()).toEqual({ state: 'consuming' })
      })

      it('leaves no group behind', async () => {
        const before = await kafka.groups()
        const reader = port.broadcast({ topics: [topic], from: 'latest' })
        await reader.start()
        expect(await kafka.groups()).toHaveLength(before.length + 1)
        await reader.close()
        expect(await kafka.groups()).toEqual(before)
      })
    })

    it('a closed port opens nothing more', async () => {
      await port.close()
      await expect(port.producer()).rejects.toMatchObject({ code: 'KAFKA_CLOSED' })
    })
  })
}

const javaPlaces = { '42': 1, '21': 0, 'payment-9': 2, null: 0 }
