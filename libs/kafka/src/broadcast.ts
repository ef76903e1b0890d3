import { KafkaClosedError } from './errors.js'
import { laneKey } from './lane.js'
import { atMost } from './retries.js'
import type { Progress } from './membership.js'
import type {
  BatchConsumer,
  BroadcastOptions,
  BroadcastReader,
  ConsumerHealth,
  ConsumerOptions,
  IncomingBatch,
  KafkaAdmin,
} from './port.js'

/** A group without members that is not removed now the broker forgets by itself. */
const partingMs = 2_000

type OpenConsumer = (options: Omit<ConsumerOptions, 'groupId'>, progress: Progress) => BatchConsumer

/** Waits until positions have passed what was the end when it was asked. */
interface Waiter {
  readonly missing: Map<string, bigint>
  readonly resolve: () => void
}

/**
 * All partitions for one process, as the only member of a group of its own that commits nothing and is removed at the end
 * (kafkajs has no assignment without a group; the group of a killed process is empty, and the broker forgets it by itself).
 *
 *   created --start()--> starting --all partitions placed--> reading --close()--> closed
 *
 * Positions are kept here: after a crash of the consumer it goes on where it was.
 */
export class SoloGroupReader implements BroadcastReader {
  readonly #positions = new Map<string, bigint>()
  readonly #waiters = new Set<Waiter>()
  readonly #consumer: BatchConsumer
  readonly #ready: Promise<void>
  #becomeReady: () => void = () => undefined
  #neverReady: (error: Error) => void = () => undefined
  #starting: Promise<void> | undefined

  constructor(
    private readonly admin: KafkaAdmin,
    private readonly options: BroadcastOptions,
    openConsumer: OpenConsumer,
    private readonly removeGroup: () => Promise<void>,
  ) {
    this.#ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve
      this.#neverReady = reject
    })
    // Closing before anyone waits is no error.
    this.#ready.catch(() => undefined)
    this.#consumer = openConsumer(
      {
        topics: options.topics,
        positions: async (topic, partitions) => this.#places(topic, partitions),
        onBatch: (batch) => this.#handle(batch),
        onOffsetOutOfRange: async (topic, partition, expected, got) => {
          this.options.onDiscontinuity?.({ topic, partition }, { expected, got })
          return got
        },
        retryMs: 50,
        retryMaxMs: 2_000,
      },
      {
        onPosition: ({ topic, partition }, position) => this.#moved(laneKey(topic, partition), position),
        onReady: (topics) => {
          if (options.topics.every((topic) => topics.has(topic))) this.#becomeReady()
        },
      },
    )
  }

  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  async caughtUp(): Promise<void> {
    await this.start()
    const ends = new Map<string, bigint>()
    for (const topic of this.options.topics)
      for (const { partition, high } of await this.admin.offsets(topic)) ends.set(laneKey(topic, partition), high)
    // compared once all ends are known: a position that moved between the look and the wait would not move again
    const missing = new Map([...ends].filter(([key, high]) => (this.#positions.get(key) ?? -1n) < high))
    if (missing.size > 0) await new Promise<void>((resolve) => this.#waiters.add({ missing, resolve }))
  }

  async close(): Promise<void> {
    this.#neverReady(new KafkaClosedError('the broadcast reader'))
    const isHeard = this.#consumer.health().state !== 'unreachable'
    await this.#consumer.close()
    if (this.#starting && isHeard) await atMost(partingMs, this.removeGroup())
  }

  health(): ConsumerHealth {
    return this.#consumer.health()
  }

  async #start(): Promise<void> {
    const { from } = this.options
    if (from !== 'earliest') await this.#beginAtEnd()
    if (typeof from === 'object')
      for (const { topic, partition, offset } of from) this.#positions.set(laneKey(topic, partition), offset)
    await this.#consumer.start()
    await this.#ready
  }

  /** A topic or partition that comes later is read whole. */
  async #beginAtEnd(): Promise<void> {
    const existing = await this.admin.topics()
    for (const topic of this.options.topics) {
      if (!existing.includes(topic)) continue
      for (const { partition, high } of await this.admin.offsets(topic))
        this.#positions.set(laneKey(topic, partition), high)
    }
  }

  #places(topic: string, partitions: readonly number[]): ReadonlyMap<number, bigint> {
    const places = new Map<number, bigint>()
    for (const partition of partitions) {
      const position = this.#positions.get(laneKey(topic, partition))
      if (position !== undefined) places.set(partition, position)
    }
    return places
  }

  async #handle(batch: IncomingBatch): Promise<void> {
    await this.options.onBatch?.(batch)
    const { onRecord } = this.options
    if (onRecord) for (const record of batch.records) await onRecord(record)
  }

  #moved(key: string, position: bigint): void {
    this.#positions.set(key, position)
    for (const waiter of this.#waiters) {
      const wanted = waiter.missing.get(key)
      if (wanted === undefined || position < wanted) continue
      waiter.missing.delete(key)
      if (waiter.missing.size > 0) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }
}
