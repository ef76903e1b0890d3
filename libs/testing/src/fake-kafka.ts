import { EventEmitter } from 'node:events'
import type { TopicSpec } from '@freshet/events'
import {
  KafkaClosedError,
  partitionOf,
  SendFailedError,
  UnknownTopicError,
  type BatchConsumer,
  type BatchProducer,
  type BroadcastOptions,
  type BroadcastReader,
  type ConsumerOptions,
  type IncomingRecord,
  type KafkaAdmin,
  type KafkaPort,
  type OutgoingRecord,
} from '@freshet/kafka'
import { FakeBroadcastReader } from './fake-kafka-broadcast.js'
import { FakeConsumer } from './fake-kafka-consumer.js'

/** One partition's log. */
export interface FakeLog {
  low: bigint
  readonly records: IncomingRecord[]
}

interface FakeTopic {
  readonly config: Readonly<Record<string, string>>
  readonly logs: readonly FakeLog[]
}

/** A group's members in the order of their joining, and its offsets by `topic/partition`. */
export interface FakeGroup {
  readonly members: FakeConsumer[]
  readonly committed: Map<string, bigint>
}

/** A broker in memory, with the behaviour of KafkaPort's contract. While `down`, nothing is sent or read. */
export class FakeKafkaServer {
  readonly #topics = new Map<string, FakeTopic>()
  readonly #groups = new Map<string, FakeGroup>()
  readonly #changes = new EventEmitter().setMaxListeners(0)
  #down = false
  #version = 0

  /** Differs once anything has changed. */
  get version(): number {
    return this.#version
  }

  connect(): KafkaPort {
    return new FakeKafkaPort(this)
  }

  get down(): boolean {
    return this.#down
  }

  set down(down: boolean) {
    this.#down = down
    this.changed()
  }

  /** Deletes a partition's records below this offset, as retention does. */
  deleteRecords(topic: string, partition: number, before: bigint): void {
    const log = this.log(topic, partition)
    log.low = before
    log.records.splice(0, log.records.findIndex(({ offset }) => offset >= before) >>> 0)
    this.changed()
  }

  append(outgoing: readonly OutgoingRecord[]): void {
    for (const record of outgoing) {
      const { topic, key, value, headers = {} } = record
      const partition = record.partition ?? partitionOf(key, this.logs(topic).length)
      const log = this.log(topic, partition)
      const offset = this.end(log)
      log.records.push({
        topic,
        partition,
        offset,
        key: bytes(key),
        value: bytes(value),
        headers,
        timestampMs: Date.now(),
      })
    }
    this.changed()
  }

  topicNames(): string[] {
    return [...this.#topics.keys()]
  }

  create({ topic, partitions, config }: TopicSpec): void {
    if (this.#topics.has(topic)) return
    this.#topics.set(topic, { config, logs: Array.from({ length: partitions }, () => ({ low: 0n, records: [] })) })
    this.changed()
  }

  /** Throws UnknownTopicError. */
  topic(name: string): FakeTopic {
    const topic = this.#topics.get(name)
    if (!topic) throw new UnknownTopicError(name)
    return topic
  }

  logs(topic: string): readonly FakeLog[] {
    return this.topic(topic).logs
  }

  log(topic: string, partition: number): FakeLog {
    const log = this.logs(topic)[partition]
    if (!log) throw new RangeError(`${topic} has no partition ${partition}`)
    return log
  }

  end(log: FakeLog): bigint {
    return (log.records.at(-1)?.offset ?? log.low - 1n) + 1n
  }

  group(groupId: string): FakeGroup {
    let group = this.#groups.get(groupId)
    if (!group) this.#groups.set(groupId, (group = { members: [], committed: new Map() }))
    return group
  }

  removeGroup(groupId: string): void {
    this.#groups.delete(groupId)
  }

  groupNames(): string[] {
    return [...this.#groups.keys()]
  }

  /** Wakes everyone who waits for records, topics or members. */
  changed(): void {
    this.#version += 1
    this.#changes.emit('change')
  }

  /** Returns how to stop listening. */
  onChange(listener: () => void): () => void {
    this.#changes.on('change', listener)
    return () => this.#changes.off('change', listener)
  }
}

const bytes = (content: string | Buffer | null): Buffer | null => (content === null ? null : Buffer.from(content))

class FakeKafkaPort implements KafkaPort {
  readonly admin: KafkaAdmin
  readonly #open = new Set<{ close(): Promise<void> }>()
  #closed = false

  constructor(private readonly server: FakeKafkaServer) {
    this.admin = adminOf(server)
  }

  async producer(): Promise<BatchProducer> {
    let closed = false
    return this.#keep({
      send: async (records: readonly OutgoingRecord[]) => {
        if (closed) throw new KafkaClosedError('the producer')
        if (this.server.down)
          throw new SendFailedError(
            records.map(({ topic }) => topic),
            'KafkaJSConnectionError',
            true,
            {},
          )
        this.server.append(records)
      },
      close: async () => {
        closed = true
      },
    })
  }

  consumer(options: ConsumerOptions): BatchConsumer {
    return this.#keep(new FakeConsumer(this.server, options, options.positions === 'committed' ? 'each' : 'monitoring'))
  }

  broadcast(options: BroadcastOptions): BroadcastReader {
    return this.#keep(new FakeBroadcastReader(this.server, options))
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map((part) => part.close()))
  }

  #keep<T extends { close(): Promise<void> }>(part: T): T {
    if (this.#closed) throw new KafkaClosedError('this Kafka port')
    this.#open.add(part)
    return part
  }
}

const adminOf = (server: FakeKafkaServer): KafkaAdmin => ({
  ensureTopics: async (specs) => specs.forEach((spec) => server.create(spec)),
  partitionsOf: async (topic) => server.logs(topic).length,
  offsets: async (topic) =>
    server.logs(topic).map((log, partition) => ({ partition, low: log.low, high: server.end(log) })),
  placesSince: async (topic, sinceMs) =>
    server.logs(topic).map((log, partition) => ({
      topic,
      partition,
      offset: log.records.find(({ timestampMs }) => timestampMs >= sinceMs)?.offset ?? server.end(log),
    })),
  topics: async () => server.topicNames(),
  describe: async (topic) => ({
    topic,
    partitions: server.logs(topic).length,
    config: server.topic(topic).config,
  }),
  committed: async (groupId, topic) => {
    const { committed } = server.group(groupId)
    const offsets = server
      .logs(topic)
      .map((_, partition) => [partition, committed.get(`${topic}/${partition}`)] as const)
    return new Map(offsets.filter((entry): entry is [number, bigint] => entry[1] !== undefined))
  },
})
