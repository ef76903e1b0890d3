import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { encodeAccessStats } from '@freshet/events'
import type { BatchProducer, KafkaPort } from '@freshet/kafka'
import type { AccessTally } from './access-tally.js'
import type { OccurrenceListener } from './occurrence.js'

/** For what was read last to reach Kafka, when the client is closed. */
const PARTING_MS = 1_000

export interface AccessReportsOptions {
  readonly tally: AccessTally
  readonly kafka: () => Promise<Pick<KafkaPort, 'producer'>>
  readonly topic: string
  /** Of the client's catalog. */
  readonly owner: string
  readonly source: string
  readonly intervalMs: number
  readonly report: OccurrenceListener
}

/**
 * Publishes what was read, interval by interval, to `access-stats.v1`.
 *
 *   reporting --close()--> closed, what is left sent first if Kafka answers in time
 *
 * Reads never wait for it. An interval in which nothing was read is not sent; one that cannot be sent is dropped, and while
 * one is on its way the next goes on.
 */
export class AccessReports {
  readonly #instance = randomUUID()
  #timer: NodeJS.Timeout | undefined
  #producer: Promise<BatchProducer> | undefined
  #sending: Promise<void> | undefined
  #sinceMs = performance.now()

  constructor(private readonly options: AccessReportsOptions) {}

  start(): void {
    this.#timer = setInterval(() => void this.#publish(), this.options.intervalMs).unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    const rest = (this.#sending ?? Promise.resolve()).then(() => this.#publish())
    await Promise.race([rest, pause(PARTING_MS, undefined, { ref: false })])
  }

  #publish(): Promise<void> {
    return (this.#sending ??= this.#publishOnce().finally(() => (this.#sending = undefined)))
  }

  async #publishOnce(): Promise<void> {
    const { tally, topic, owner, source, report } = this.options
    const accesses = tally.take()
    const nowMs = performance.now()
    const intervalMs = Math.round(nowMs - this.#sinceMs)
    this.#sinceMs = nowMs
    if (accesses === undefined) return
    const record = encodeAccessStats({
      source,
      instance: this.#instance,
      owner,
      endedAt: Date.now(),
      intervalMs,
      ...accesses,
    })
    try {
      const producer = await (this.#producer ??= this.#open())
      await producer.send([{ topic, ...record }])
    } catch (error) {
      report({ type: 'access-stats:failed', error })
    }
  }

  /** The texts of one interval repeat each other: it takes a fifth of the bytes. */
  async #open(): Promise<BatchProducer> {
    try {
      return await (await this.options.kafka()).producer({ compression: 'gzip' })
    } catch (error) {
      this.#producer = undefined
      throw error
    }
  }
}
