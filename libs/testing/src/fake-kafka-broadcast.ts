import { randomUUID } from 'node:crypto'
import type { BroadcastOptions, BroadcastReader, ConsumerHealth, IncomingBatch } from '@freshet/kafka'
import { FakeConsumer } from './fake-kafka-consumer.js'
import type { FakeKafkaServer } from './fake-kafka.js'

/** Reads every partition for itself, in memory. */
export class FakeBroadcastReader implements BroadcastReader {
  readonly #groupId = `broadcast-${randomUUID()}`
  readonly #positions = new Map<string, bigint>()
  readonly #consumer: FakeConsumer
  #started: Promise<void> | undefined

  constructor(
    private readonly server: FakeKafkaServer,
    private readonly options: BroadcastOptions,
  ) {
    this.#consumer = new FakeConsumer(
      server,
      {
        groupId: this.#groupId,
        topics: options.topics,
        positions: async (topic, partitions) =>
          new Map(
            partitions
              .map((partition) => [partition, this.#positions.get(`${topic}/${partition}`)] as const)
              .filter((entry): entry is [number, bigint] => entry[1] !== undefined),
          ),
        onBatch: (batch) => this.#handle(batch),
        onOffsetOutOfRange: async (topic, partition, expected, got) => {
          options.onDiscontinuity?.({ topic, partition }, { expected, got })
          return got
        },
      },
      'none',
      ({ topic, partition }, position) => {
        this.#positions.set(`${topic}/${partition}`, position)
        queueMicrotask(() => server.changed())
      },
    )
  }

  start(): Promise<void> {
    this.#started ??= this.#start()
    return this.#started
  }

  async caughtUp(): Promise<void> {
    await this.start()
    const ends = this.options.topics.flatMap((topic) =>
      this.server.logs(topic).map((log, partition) => [`${topic}/${partition}`, this.server.end(log)] as const),
    )
    await this.#until(() => ends.every(([key, end]) => (this.#positions.get(key) ?? -1n) >= end))
  }

  async close(): Promise<void> {
    await this.#consumer.close()
    this.server.removeGroup(this.#groupId)
  }

  health(): ConsumerHealth {
    return this.#consumer.health()
  }

  async #start(): Promise<void> {
    const { from } = this.options
    if (from !== 'earliest') {
      for (const topic of this.options.topics.filter((name) => this.server.topicNames().includes(name)))
        this.server
          .logs(topic)
          .forEach((log, partition) => this.#positions.set(`${topic}/${partition}`, this.server.end(log)))
    }
    if (typeof from === 'object')
      for (const { topic, partition, offset } of from) this.#positions.set(`${topic}/${partition}`, offset)
    await this.#consumer.start()
    await this.#until(() => {
      const health = this.#consumer.health()
      return health.state === 'consuming' && health.missingTopics === undefined
    })
  }

  async #handle(batch: IncomingBatch): Promise<void> {
    await this.options.onBatch?.(batch)
    for (const record of batch.records) await this.options.onRecord?.(record)
  }

  #until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const stop = this.server.onChange(() => {
        if (!condition()) return
        stop()
        resolve()
      })
    })
  }
}
