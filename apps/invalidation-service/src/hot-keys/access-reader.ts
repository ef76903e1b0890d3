import { setImmediate as nextTurn } from 'node:timers/promises'
import { decodeOrSkip } from '@freshet/events'
import type { BroadcastReader, IncomingRecord, KafkaPort } from '@freshet/kafka'
import type { Occurrences } from '@freshet/service-kit'
import type { InvalidationOccurrences } from '../occurrences.js'
import type { HotKeys } from './hot-keys.js'

/** What is older than the window by more than this part of it is not even decoded. */
const MARGIN = 0.1

/**
 * Reads `access-stats.v1` whole, so that each instance of the service has the window of the whole fleet, and has it again
 * after a restart. Nothing depends on it: without Kafka, or with records that cannot be read, fewer keys are hot.
 */
export class AccessReader {
  readonly #reader: BroadcastReader
  readonly #startedAtMs = Date.now()

  constructor(
    kafka: Pick<KafkaPort, 'broadcast'>,
    topic: string,
    private readonly windowMs: number,
    private readonly hotKeys: HotKeys,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
  ) {
    this.#reader = kafka.broadcast({
      topics: [topic],
      from: 'earliest',
      onRecord: async (record) => {
        this.#take(record)
        await nextTurn() // two hours of reports are read at a start, and no fence is to wait for them
      },
    })
  }

  /** Begins in the background. */
  start(): void {
    this.#reader.start().catch(() => undefined) // only when it is closed before it has begun
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  #take({ value, topic, timestampMs }: IncomingRecord): void {
    if (timestampMs < Date.now() - (1 + MARGIN) * this.windowMs) return
    const report = decodeOrSkip(value, topic)
    if (report.kind !== 'access-stats') {
      this.occurrences.emit('accesses:skipped', { topic })
      return
    }
    this.hotKeys.add(report)
    // what was read again after a restart has been counted before it
    if (timestampMs >= this.#startedAtMs) this.occurrences.emit('accesses:reported', { templates: report.templates })
  }
}
