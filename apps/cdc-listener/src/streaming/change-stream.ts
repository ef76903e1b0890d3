import { setTimeout as delay } from 'node:timers/promises'
import { changedTables } from '@freshet/coherence'
import type { GapRecord } from '@freshet/events'
import type { BatchProducer } from '@freshet/kafka'
import { decodeMessage, type Keepalive, type Lsn } from '@freshet/pgoutput'
import {
  createSlot,
  dropSlot,
  readSlot,
  ReplicationStream,
  type Database,
  type TablesSnapshot,
} from '@freshet/postgres'
import type { Occurrences } from '@freshet/service-kit'
import type { SnapshotSource } from '../admission/snapshot-source.js'
import { noWatchedTables, type WatchedTables } from '../watched-tables.js'
import { dispositionOf } from './dispositions.js'
import type { StreamOccurrences } from './occurrences.js'
import { Outbox } from './outbox.js'
import type { TopicLayout } from './topic-layout.js'
import { TransactionReader } from './transaction-reader.js'
import { Watermarks } from './watermarks.js'

export interface ChangeStreamOptions {
  readonly url: string
  readonly database: Database
  readonly slotName: string
  readonly publications: readonly string[]
  readonly namespace: string
  /** CloudEvents source of all records. */
  readonly source: string
  readonly layout: TopicLayout
  readonly producer: BatchProducer
  readonly snapshots: SnapshotSource
  readonly occurrences: Pick<Occurrences<StreamOccurrences>, 'emit'>
  /** Told when watched tables were altered, behind their gap. */
  readonly onTablesChanged?: (tables: readonly string[]) => void
  /** Under traffic, in milliseconds; 250 by default. */
  readonly watermarkMs?: number
  /** Without traffic, in milliseconds; 1,000 by default. */
  readonly idleWatermarkMs?: number
}

type Mode =
  | { readonly at: 'new' }
  | { readonly at: 'streaming'; readonly stream: ReplicationStream }
  | { readonly at: 'reconnecting' }
  | { readonly at: 'draining' }
  | { readonly at: 'stopped' }
  | { readonly at: 'terminal'; readonly reason: string }

/** A snapshot that waits until the stream has passed its insert position. */
interface OpenWatermark {
  readonly taken: TablesSnapshot
}

const firstRetryMs = 100
const lastRetryMs = 10_000

/**
 * Holds one logical replication slot and hands its changes to Kafka, in order.
 *
 *   new --start()--> streaming --stop()--> draining --all acknowledged--> stopped
 *                     |     ^
 *        connection lost   reconnected (a slot whose history is gone is replaced, behind a gap over everything)
 *                     v     |
 *                  reconnecting --nothing helps--> terminal(reason)
 *
 * Invariant: the slot is acknowledged only by watermarks that Kafka has acknowledged, so that the next start begins at or
 * before the last of them, and everything before it is there.
 */
export class ChangeStream {
  private mode: Mode = { at: 'new' }
  private watched = noWatchedTables
  private readonly outbox: Outbox
  private readonly reader: TransactionReader
  private readonly watermarks: Watermarks
  private open: OpenWatermark | undefined
  private taking = false
  private lastTakenAt = 0
  private sawTraffic = false
  private fingerprint: string | undefined
  private ticker: NodeJS.Timeout | undefined
  private readonly ended = Promise.withResolvers<string | undefined>()

  private constructor(
    private readonly options: ChangeStreamOptions,
    first: TablesSnapshot,
    confirmed: Lsn,
  ) {
    const { producer, occurrences, source, namespace, layout } = options
    this.watermarks = new Watermarks(source, confirmed)
    this.outbox = new Outbox(producer, {
      sent: (records, tookMs) => occurrences.emit('change:published', { records, tookMs }),
      failed: (facts) => {
        this.watermarks.beginEpoch()
        occurrences.emit('publish:failed', facts)
      },
    })
    this.reader = new TransactionReader(source, namespace, layout, first.snapshot.xmax, (message) => {
      occurrences.emit('message:unusable', message)
      if (!message.harmless)
        void this.publishGap({ scope: { kind: 'all' }, cause: 'unreadable-record', lsn: first.insertLsn })
    })
  }

  /** Makes sure of the slot; `slotIsNew` = it was created just now, so that earlier changes are unknown. */
  static async prepare(options: ChangeStreamOptions): Promise<{ stream: ChangeStream; slotIsNew: boolean }> {
    const slot = await readSlot(options.database, options.slotName)
    if (slot?.invalidated) await dropSlot(options.database, options.slotName)
    const slotIsNew = !slot || slot.invalidated !== undefined
    const confirmed = slotIsNew ? await createSlot(options.database, options.slotName) : slot.confirmedLsn
    return { stream: new ChangeStream(options, await options.snapshots(), confirmed), slotIsNew }
  }

  /** Resolves with the reason once it is terminal, with undefined once it is stopped. */
  get end(): Promise<string | undefined> {
    return this.ended.promise
  }

  get isStreaming(): boolean {
    return this.mode.at === 'streaming'
  }

  /** From its return on these tables are known, and nothing else is watched. Their topics must be in the layout. */
  watch(watched: WatchedTables): void {
    this.watched = watched
    this.reader.watch(watched)
  }

  /** Connects in the background. */
  start(): void {
    this.mode = { at: 'reconnecting' }
    this.ticker = setInterval(() => void this.tick(), this.options.watermarkMs ?? 250)
    void this.run()
  }

  /** Writes a gap behind everything that was sent; resolves once Kafka has acknowledged it on every partition. */
  publishGap(gap: Pick<GapRecord, 'scope' | 'cause' | 'lsn'>): Promise<void> {
    const places = this.options.layout.controlled(this.watched)
    return new Promise((resolve) => {
      this.outbox.add(this.watermarks.gap(gap, places), () => {
        this.options.occurrences.emit('gap:published', { cause: gap.cause, partitions: places.length })
        resolve()
      })
    })
  }

  /** Stops reading, lets Kafka acknowledge what was read, and ends. What no watermark covers is read again later. */
  async stop(): Promise<void> {
    if (this.mode.at === 'stopped' || this.mode.at === 'terminal') return
    const { mode } = this
    this.mode = { at: 'draining' }
    clearInterval(this.ticker)
    await Promise.race([this.outbox.drained(), delay(5_000, undefined, { ref: false })])
    this.outbox.close()
    if (mode.at === 'streaming') await mode.stream.close()
    this.mode = { at: 'stopped' }
    this.ended.resolve(undefined)
  }

  private async run(): Promise<void> {
    for (let attempt = 1; this.mode.at === 'reconnecting'; attempt++) {
      const error = await this.streamOnce(() => (attempt = 0))
      if (!this.isActive) return
      this.mode = { at: 'reconnecting' }
      const disposition = dispositionOf(error)
      if (disposition.then === 'terminal') return this.fail(disposition.because)
      const retryInMs = Math.min(lastRetryMs, firstRetryMs * 2 ** attempt) * (0.5 + Math.random() / 2)
      this.options.occurrences.emit('stream:lost', { slotName: this.options.slotName, error, retryInMs })
      await delay(retryInMs, undefined, { ref: false })
      if (disposition.then === 'replace-slot') await this.replaceSlot(disposition.because)
    }
  }

  /** Streams until the connection ends; returns why. */
  private async streamOnce(connected: () => void): Promise<unknown> {
    const { url, slotName, publications, database } = this.options
    try {
      await this.outbox.drained() // what was read before must stand before what is read again
      this.reader.restart()
      this.open = undefined
      const slot = await readSlot(database, slotName)
      const stream = await ReplicationStream.open({
        url,
        slotName,
        publications,
        binary: false,
        applicationName: `freshet cdc-listener ${slotName}`,
        onReceived: (items) => this.receive(items),
      })
      if (!this.isActive) {
        await stream.close()
        return undefined
      }
      this.mode = { at: 'streaming', stream }
      connected()
      if (slot) this.options.occurrences.emit('stream:connected', { slotName, from: slot.confirmedLsn })
      return await stream.ended
    } catch (error) {
      return error
    }
  }

  private async receive(items: readonly (Buffer | Keepalive)[]): Promise<void> {
    for (const item of items) {
      if (item instanceof Uint8Array) {
        const records = this.reader.read(decodeMessage(item))
        if (records.length > 0) {
          this.sawTraffic = true
          this.watermarks.count(records)
          this.outbox.add(records)
          if (!this.outbox.hasRoom) await this.outbox.room()
        }
        if (this.open && !this.reader.isInTransaction) this.passed(this.reader.position)
      } else if (!this.reader.isInTransaction) this.passed(item.walEnd)
    }
  }

  /** Everything up to here was read: a watermark below it can be closed. */
  private passed(position: Lsn): void {
    const { open } = this
    if (!open || position < open.taken.insertLsn) return
    this.open = undefined
    this.closeWatermark(open.taken)
  }

  private closeWatermark(taken: TablesSnapshot): void {
    const changed = this.fingerprint === undefined ? [] : changedTables(this.fingerprint, taken.fingerprint)
    this.fingerprint = taken.fingerprint
    if (changed.length > 0) {
      void this.publishGap({
        scope: { kind: 'tables', tables: changed },
        cause: 'tables-changed',
        lsn: taken.insertLsn,
      }).then(() => this.options.onTablesChanged?.(changed))
    }
    const places = this.options.layout.controlled(this.watched)
    this.outbox.add(this.watermarks.close(taken, places), () => {
      this.watermarks.confirm(taken.insertLsn)
      if (this.mode.at === 'streaming') this.mode.stream.acknowledge(taken.insertLsn)
      this.options.occurrences.emit('watermark:published', {
        lsn: taken.insertLsn,
        partitions: places.length,
        databaseTimeMs: taken.databaseTimeMs,
      })
    })
  }

  private async tick(): Promise<void> {
    if (this.mode.at !== 'streaming' || this.taking) return
    if (this.open) return this.mode.stream.requestKeepalive() // an idle server says nothing of itself
    const idleForMs = Date.now() - this.lastTakenAt
    if (!this.sawTraffic && idleForMs < (this.options.idleWatermarkMs ?? 1_000)) return
    this.taking = true
    try {
      const taken = await this.options.snapshots()
      this.lastTakenAt = Date.now()
      this.sawTraffic = false
      this.reader.refer(taken.snapshot.xmax)
      this.open = { taken }
      if (this.mode.at === 'streaming') this.mode.stream.requestKeepalive()
    } catch (error) {
      this.options.occurrences.emit('snapshot:failed', { error })
    } finally {
      this.taking = false
    }
  }

  private async replaceSlot(because: string): Promise<void> {
    const { database, slotName } = this.options
    try {
      const slot = await readSlot(database, slotName)
      if (slot) await dropSlot(database, slotName)
      const from = await createSlot(database, slotName)
      this.watermarks.confirm(from)
      this.watermarks.beginEpoch()
      await this.publishGap({ scope: { kind: 'all' }, cause: 'slot-lost', lsn: from })
    } catch (error) {
      this.options.occurrences.emit('stream:lost', {
        slotName,
        error: new Error(because, { cause: error }),
        retryInMs: 0,
      })
    }
  }

  private fail(reason: string): void {
    clearInterval(this.ticker)
    this.outbox.close()
    this.mode = { at: 'terminal', reason }
    this.options.occurrences.emit('stream:terminal', { reason })
    this.ended.resolve(reason)
  }

  private get isActive(): boolean {
    return this.mode.at === 'streaming' || this.mode.at === 'reconnecting'
  }
}
