import { setTimeout as delay } from 'node:timers/promises'
import type { BatchProducer, OutgoingRecord } from '@freshet/kafka'

/** Records that belong together, and what is to happen once Kafka has acknowledged all before them and them. */
interface Parcel {
  readonly records: readonly OutgoingRecord[]
  readonly acknowledged?: () => void
}

export interface OutboxEvents {
  sent(records: number, tookMs: number): void
  failed(facts: {
    readonly records: number
    readonly attempt: number
    readonly error: unknown
    readonly retryInMs: number
  }): void
}

const batchRecords = 5_000
const batchCharacters = 1_000_000
const roomRecords = 20_000
const roomCharacters = 8_000_000
const firstRetryMs = 50
const lastRetryMs = 5_000

/**
 * Hands records to Kafka in their order: one batch on its way at a time, the next collects meanwhile. A batch that fails
 * is sent again until it succeeds, so that nothing is skipped or overtaken; some of it may then stand there twice.
 *
 *   idle <--all sent-- sending --closed and empty--> closed
 */
export class Outbox {
  private parcels: Parcel[] = []
  private records = 0
  private characters = 0
  private pump: Promise<void> | undefined
  private readonly closing = new AbortController()
  private readonly waiting: (() => void)[] = []

  constructor(
    private readonly producer: BatchProducer,
    private readonly events: OutboxEvents,
  ) {}

  add(records: readonly OutgoingRecord[], acknowledged?: () => void): void {
    this.parcels.push({ records, ...(acknowledged && { acknowledged }) })
    this.records += records.length
    this.characters += charactersOf(records)
    this.pump ??= this.send().finally(() => {
      this.pump = undefined
    })
  }

  /** Is there room for more without waiting? */
  get hasRoom(): boolean {
    return this.records < roomRecords && this.characters < roomCharacters
  }

  /** Resolves once there is room for more: what is not yet acknowledged stays bounded. */
  room(): Promise<void> {
    return this.hasRoom ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Resolves once everything that was added is acknowledged, or the outbox is closed. */
  async drained(): Promise<void> {
    await this.pump
  }

  /** Gives up what is left; it is read again from the slot. */
  close(): void {
    this.closing.abort()
    for (const resume of this.waiting.splice(0)) resume()
  }

  private async send(): Promise<void> {
    await Promise.resolve() // whatever else is added in this turn goes along
    while (this.parcels.length > 0 && !this.closing.signal.aborted) {
      const parcels = this.nextBatch()
      const records = parcels.flatMap((parcel) => parcel.records)
      if (!(await this.sendUntilAcknowledged(records))) return
      this.records -= records.length
      this.characters -= charactersOf(records)
      if (this.hasRoom) for (const resume of this.waiting.splice(0)) resume()
      for (const parcel of parcels) parcel.acknowledged?.()
    }
  }

  private nextBatch(): readonly Parcel[] {
    let records = 0
    let characters = 0
    const beyond = this.parcels.findIndex((parcel) => {
      const first = records === 0
      records += parcel.records.length
      characters += charactersOf(parcel.records)
      return !first && (records > batchRecords || characters > batchCharacters)
    })
    return this.parcels.splice(0, beyond < 0 ? this.parcels.length : beyond)
  }

  private async sendUntilAcknowledged(records: readonly OutgoingRecord[]): Promise<boolean> {
    for (let attempt = 1; !this.closing.signal.aborted; attempt++) {
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
}

const charactersOf = (records: readonly OutgoingRecord[]): number =>
  records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
