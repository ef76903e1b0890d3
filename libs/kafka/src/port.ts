import type { TopicSpec } from '@freshet/events'

/** A record to be sent. With neither key nor partition it goes to partition 0. */
export interface OutgoingRecord {
  readonly topic: string
  readonly key: string | Buffer | null
  readonly value: string | Buffer | null
  readonly headers?: Readonly<Record<string, string>>
  /** Given: it decides; else the key does, as in Java's client (murmur2). */
  readonly partition?: number
}

/** A record that was read. */
export interface IncomingRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
  readonly timestampMs: number
}

/** Consecutive records of one partition, in order. */
export interface IncomingBatch {
  readonly topic: string
  readonly partition: number
  /** Of the first record. */
  readonly firstOffset: bigint
  /** Where reading goes on once this batch is handled; above the last record's offset where Kafka left offsets out. */
  readonly nextOffset: bigint
  /** The partition's end as of the fetch. */
  readonly highWatermark: bigint
  readonly records: readonly IncomingRecord[]
}

/** Sends batches: acks=all, idempotent. */
export interface BatchProducer {
  /**
   * Resolves when the broker has acknowledged every record; the order within a partition is the order given, also across calls.
   *
   * Throws SendFailedError when the broker refused or could not be reached within the retries; any of the records may then have been written.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>
  close(): Promise<void>
}

export interface ProducerOptions {
  /** `none` by default. */
  readonly compression?: Compression
}

/** Kafka's codecs; all can be read. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** What a handler has beside its batch. */
export interface BatchContext {
  /** Keeps the place in the group. The consumer calls it by itself while a handler runs; more calls do no harm. */
  heartbeat(): Promise<void>
  /** Aborted once the partition is taken away or the consumer closes: what the handler still does is then repeated elsewhere. */
  readonly signal: AbortSignal
  /** Has the partition been taken away, or the position moved, since this batch was handed out? */
  isStale(): boolean
}

/** Answers where to go on, by partition. A partition that is missing in the answer starts at its first kept record. */
export type Positions = (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, bigint>>

export interface ConsumerOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  /**
   * The truth about where to go on, asked at each assignment and after each handler error. `'committed'`: the group's
   * committed offsets are the truth (for users without a store of their own).
   */
  readonly positions: Positions | 'committed'
  /**
   * Handles one batch. Batches of one partition come one after the other, those of different partitions at the same time.
   * An error commits nothing: after a pause the partition goes on from `positions`.
   */
  readonly onBatch: (batch: IncomingBatch, context: BatchContext) => Promise<void>
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void | Promise<void>
  readonly onRevoked?: (partitions: readonly TopicPartition[]) => void | Promise<void>
  /**
   * The wanted position is no longer (or not yet) in the log: records may be missing. Answers where to go on.
   * Default: the first kept record, silently for users without a store.
   */
  readonly onOffsetOutOfRange?: (topic: string, partition: number, wanted: bigint, first: bigint) => Promise<bigint>
  /** An error of `onBatch` or `positions`, for logs and metrics; the consumer goes on by itself. */
  readonly onHandlerError?: (error: unknown, at: TopicPartition & { readonly offset: bigint }) => void
  /** First pause after a handler error, doubled up to `retryMaxMs`. 100 and 5,000 by default. */
  readonly retryMs?: number
  readonly retryMaxMs?: number
  /** The group takes a silent member for dead after this time. 6,000 by default. */
  readonly sessionTimeoutMs?: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The next record to be read of a partition. */
export interface Place extends TopicPartition {
  readonly offset: bigint
}

/** What a consumer says of itself: only `consuming` is healthy; `paused` keeps the place in the group. */
export type ConsumerHealth =
  | {
      readonly state: 'consuming'
      /** Those that do not exist yet; they are joined once they do. */ readonly missingTopics?: readonly string[]
    }
  | {
      readonly state:
        'stopped' | 'starting' | 'waiting-for-topics' | 'paused' | 'unreachable' | 'restarting' | 'failing'
      readonly reason: string
    }

export interface BatchConsumer {
  /** Begins in the background; an unreachable broker or missing topic shows in `health` and is tried again. */
  start(): Promise<void>
  /** Lets running handlers end (their signal is aborted), commits what they handled, leaves the group. */
  close(): Promise<void>
  health(): ConsumerHealth
  /** Stops handing out batches and keeps the place in the group. */
  pause(reason?: string): void
  /** Goes on from `positions`. */
  resume(): void
  assignment(): readonly TopicPartition[]
  /** Reads other topics from now on; those that stay go on from `positions`. */
  subscribe(topics: readonly string[]): void
}

export interface BroadcastOptions {
  readonly topics: readonly string[]
  /** Places: a partition that is not among them is read from its end. */
  readonly from: 'earliest' | 'latest' | readonly Place[]
  readonly onBatch?: (batch: IncomingBatch) => void | Promise<void>
  readonly onRecord?: (record: IncomingRecord) => void | Promise<void>
  /** Records may have been missed on this partition: what was derived from it must be rebuilt or dropped. */
  readonly onDiscontinuity?: (at: TopicPartition, why: { readonly expected: bigint; readonly got: bigint }) => void
}

/** Reads every partition of its topics, for this process alone. */
export interface BroadcastReader {
  /** Resolves once every partition is being read from its starting position: a record sent after that is received. */
  start(): Promise<void>
  /** Resolves once everything that was in the topics at the time of the call has been handled. */
  caughtUp(): Promise<void>
  close(): Promise<void>
  health(): ConsumerHealth
}

export interface PartitionOffsets {
  readonly partition: number
  /** Offset of the first kept record. */
  readonly low: bigint
  /** Offset of the next record to be written. */
  readonly high: bigint
}

export interface TopicDescription {
  readonly topic: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

export interface KafkaAdmin {
  /** Creates what is missing; what exists is left as it is. */
  ensureTopics(specs: readonly TopicSpec[]): Promise<void>
  /** Throws UnknownTopicError. */
  partitionsOf(topic: string): Promise<number>
  /** Throws UnknownTopicError. */
  offsets(topic: string): Promise<PartitionOffsets[]>
  /** Of each partition the first record that is not older, or the end; in milliseconds since 1970. Throws UnknownTopicError. */
  placesSince(topic: string, sinceMs: number): Promise<Place[]>
  topics(): Promise<string[]>
  /** Throws UnknownTopicError. */
  describe(topic: string): Promise<TopicDescription>
  /** Committed offsets of a group; a partition without one is missing. */
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>>
}

/** Kafka as Freshet uses it. */
export interface KafkaPort {
  producer(options?: ProducerOptions): Promise<BatchProducer>
  consumer(options: ConsumerOptions): BatchConsumer
  broadcast(options: BroadcastOptions): BroadcastReader
  readonly admin: KafkaAdmin
  /** Closes everything that was opened through this port. */
  close(): Promise<void>
}

export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly log?: KafkaLog
  /**
   * A request that is neither answered nor refused for so long is given up with its connections, and so is a member that
   * fetches nothing for twice as long; in milliseconds, 20,000 by default. kafkajs' own limit of a request is half of it, and
   * then its connection is given up.
   */
  readonly silenceMs?: number
}

/** Takes kafkajs' own log lines. */
export type KafkaLog = (entry: {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}) => void
