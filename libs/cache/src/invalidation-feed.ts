import { setTimeout as pause } from 'node:timers/promises'
import { decode, UnreadableRecordError } from '@freshet/events'
import type { BroadcastReader, IncomingBatch, IncomingRecord, KafkaPort } from '@freshet/kafka'
import type { MemoryLayer } from './memory-layer.js'
import type { OccurrenceListener } from './occurrence.js'
import type { Sight } from './sight.js'

const RETRY_MS = 1_000

export interface InvalidationFeedOptions {
  readonly kafka: Pick<KafkaPort, 'broadcast' | 'admin'>
  readonly topic: string
  readonly memory: MemoryLayer
  readonly sight: Sight
  readonly report: OccurrenceListener
}

/**
 * Brings `invalidations.v1` to L1.
 *
 *   starting --every partition is read from its end--> reading --close()--> closed
 *   starting --topic or broker missing--> starting, again after a second
 *
 * L1 is blind until it has heard an applied watermark on every partition, so that nothing depends on when this starts.
 */
export class InvalidationFeed {
  readonly #closing = new AbortController()
  #reader: BroadcastReader | undefined

  constructor(private readonly options: InvalidationFeedOptions) {}

  /** Begins in the background; a broker that is away is no reason not to serve. */
  start(): void {
    void this.#keepStarting()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reader?.close()
  }

  /** One batch of one partition, in order. */
  handle(batch: Pick<IncomingBatch, 'partition' | 'records'>): void {
    for (const record of batch.records) this.#handle(record)
  }

  #handle({ value, topic, partition }: IncomingRecord): void {
    const { memory, sight, report } = this.options
    try {
      const record = decode(value, topic)
      if (record.kind === 'invalidation') {
        memory.fence(record.tags)
        const { tags, commit } = record
        report({ type: 'l1:fenced', tags: tags.length, ...(commit && { committedAt: commit.at }) })
      } else if (record.kind === 'applied') sight.heard(partition, { ...record, databaseTimeMs: record.databaseTime })
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error
      memory.dropAll('unreadable-record') // whatever it fenced
    }
  }

  async #keepStarting(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#startOnce()
        return
      } catch (error) {
        if (signal.aborted) return
        this.options.report({ type: 'l1:reader-failed', error })
        await this.#reader?.close().catch(() => undefined)
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #startOnce(): Promise<void> {
    const { kafka, topic, memory, sight } = this.options
    sight.expectPartitions(await kafka.admin.partitionsOf(topic))
    this.#closing.signal.throwIfAborted()
    this.#reader = kafka.broadcast({
      topics: [topic],
      from: 'latest',
      onBatch: (batch) => this.handle(batch),
      onDiscontinuity: ({ partition }) => {
        sight.lost(partition)
        memory.dropAll('discontinuity')
      },
    })
    await this.#reader.start()
  }
}
