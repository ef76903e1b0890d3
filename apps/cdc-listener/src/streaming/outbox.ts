import { setTimeout as delay } from 'node:timers/promises'
import type { BatchProducer, OutgoingRecord } from '@freshet/kafka'

/**
 * Records that are written only when their turn has come, so that they can count what was sent before them. Written
 * anew when a batch has to be sent again.
 */
export interface Control {
  write(): readonly OutgoingRecord[]
  /** Kafka has acknowledged these records and all before them. */
  acknowledged(): void
}

export interface OutboxEvents {
  /** A record other than a control is about to be sent. */
  sending(record: OutgoingRecord): void
  sent(records: number, tookMs: number): void
  /** Some of the batch may have been written; all of it is sent again. */
  failed(facts: {
    readonly records: number
    readonly attempt: number
    readonly error: unknown
    readonly retryInMs: number
  }): void
}

/** Small: with 1,000 in a batch and 4,000 waiting a listener in a transaction of 500,000 rows held 60 MB more, at no better rate. */
const batchEntries = 500
const batchCharacters = 1_000_000
const roomEntries = 2_000
const roomCharacters = 8_000_000
const firstRetryMs = 50
const lastRetryMs = 5_000

/**
 * Hands records to Kafka in their order: one batch on its way at a time, the next collects meanwhile. A batch that fails
 * is sent again until it succeeds, so that nothing is skipped or overtaken; some of it may then stand there twice.
 *
 *   idle <--all sent-- sending --close()--> closed: what is left is given up
 */
export class Outbox {
  private readonly queue: (OutgoingRecord | Control)[] = []
  private characters = 0
  private sending: Promise<void> | undefined
  private readonly closing = new AbortController()
  private readonly waiting: (() => void)[] = []

  constructor(
    private readonly producer: BatchProducer,
    private readonly events: OutboxEvents,
  ) {}

  add(entry: OutgoingRecord | Control): void {
    if (this.closing.signal.aborted) return
    this.queue.push(entry)
    this.characters += charactersOf(entry)
    this.sending ??= this.send().finally(() => (this.sending = undefined))
  }

  /** Is there room for more without waiting? What is not yet acknowledged stays bounded. */
  get hasRoom(): boolean {
    return this.queue.length < roomEntries && this.characters < roomCharacters
  }

  /** Resolves once there is room for more, or the outbox is closed. */
  room(): Promise<void> {
    if (this.hasRoom || this.closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Resolves once everything that was added is acknowledged, or the outbox is closed. */
  async drained(): Promise<void> {
    while (this.sending) await this.sending
  }

  /** Gives up what is left; it is read again from the slot. */
  close(): void {
    this.closing.abort()
    this.makeRoom()
  }

  private async send(): Promise<void> {
    await Promise.resolve() // whatever else is added in this turn goes along
    while (this.queue.length > 0 && !this.closing.signal.aborted) {
      const count = this.nextBatch()
      const batch = this.queue.slice(0, count)
      if (!(await this.sendUntilAcknowledged(batch))) return
      this.queue.splice(0, count)
      for (const entry of batch) this.characters -= charactersOf(entry)
      if (this.hasRoom) this.makeRoom()
      for (const entry of batch) if (isControl(entry)) entry.acknowledged()
    }
  }

  private makeRoom(): void {
    for (const resume of this.waiting.splice(0)) resume()
  }

  private nextBatch(): number {
    let count = 0
    let characters = 0
    for (const entry of this.queue) {
      characters += charactersOf(entry)
      if (count > 0 && (count === batchEntries || characters > batchCharacters)) break
      count++
    }
    return count
  }

  private async sendUntilAcknowledged(batch: readonly (OutgoingRecord | Control)[]): Promise<boolean> {
    for (let attempt = 1; !this.closing.signal.aborted; attempt++) {
      const records = this.recordsOf(batch)
      const startedAt = performance.now()
      try {
        if (records.length > 0) await this.producer.send(records)
        this.events.sent(records.length, performance.now() - startedAt)
        return true
      } catch (error) {
        const retryInMs = Math.min(lastRetryMs, firstRetryMs * 2 ** attempt) * (0.5 + Math.random() / 2)
        this.events.failed({ records: records.length, attempt, error, retryInMs })
        await delay(retryInMs, undefined, { signal: this.closing.signal }).catch(() => undefined)
      }
    }
    return false
  }

  private recordsOf(batch: readonly (OutgoingRecord | Control)[]): OutgoingRecord[] {
    const records: OutgoingRecord[] = []
    for (const entry of batch) {
      if (isControl(entry)) records.push(...entry.write())
      else {
        this.events.sending(entry)
        records.push(entry)
      }
    }
    return records
  }
}

const isControl = (entry: OutgoingRecord | Control): entry is Control => 'write' in entry

const charactersOf = (entry: OutgoingRecord | Control): number => (isControl(entry) ? 0 : (entry.value?.length ?? 0))
