import type { BatchConsumer, ConsumerOptions, IncomingRecord, KafkaPort } from '@freshet/kafka'
import { expect, vi } from 'vitest'

/** A Kafka that the contract is tried on. */
export interface KafkaUnderTest {
  connect(): KafkaPort
  /** Deletes a partition's records below this offset, as retention does. */
  deleteRecords(topic: string, partition: number, before: bigint): Promise<void>
  groups(): Promise<string[]>
  stop(): Promise<void>
}

/** A consumer that keeps what it is handed. */
export interface Collected {
  readonly records: IncomingRecord[]
  readonly consumer: BatchConsumer
  readonly values: () => string[]
}

/** What each test of the contract has: a port of its own and a topic of its own with three partitions. */
export interface KafkaWorld {
  readonly kafka: KafkaUnderTest
  readonly port: KafkaPort
  readonly topic: string
  /** Sends values to one partition, each in a call of its own. */
  readonly send: (partition: number, ...values: string[]) => Promise<void>
  readonly open: (options: Partial<ConsumerOptions> & Pick<ConsumerOptions, 'onBatch'>) => Promise<BatchConsumer>
  readonly collect: (options?: Partial<ConsumerOptions>) => Promise<Collected>
}

export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 })

export const textOf = ({ value }: IncomingRecord): string => value?.toString() ?? 'null'

export const consuming = (consumer: BatchConsumer): Promise<void> =>
  eventually(() => expect(consumer.health()).toMatchObject({ state: 'consuming' }))

export function kafkaWorld(kafka: KafkaUnderTest, port: KafkaPort, topic: string): KafkaWorld {
  const open: KafkaWorld['open'] = async (options) => {
    const consumer = port.consumer({
      groupId: `group-${topic}`,
      topics: [topic],
      positions: () => Promise.resolve(new Map()),
      retryMs: 10,
      retryMaxMs: 50,
      ...options,
    })
    await consumer.start()
    return consumer
  }
  return {
    kafka,
    port,
    topic,
    open,
    send: async (partition, ...values) => {
      const producer = await port.producer()
      await Promise.all(values.map((value) => producer.send([{ topic, partition, key: null, value }])))
    },
    collect: async (options = {}) => {
      const records: IncomingRecord[] = []
      const consumer = await open({ onBatch: async (batch) => void records.push(...batch.records), ...options })
      return { records, consumer, values: () => records.map(textOf) }
    },
  }
}
