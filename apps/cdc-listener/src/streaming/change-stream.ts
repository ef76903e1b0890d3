import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { changedTables } from '@freshet/coherence'
import type { GapRecord } from '@freshet/events'
import type { BatchProducer } from '@freshet/kafka'
import { decodeMessage, type Lsn } from '@freshet/pgoutput'
import {
  flushLog,
  readSlot,
  ReplicationRefusedError,
  ReplicationStream,
  StandbyRefusedError,
  type Database,
  type Received,
  type TablesSnapshot,
} from '@freshet/postgres'
import type { Occurrences } from '@freshet/service-kit'
import type { SnapshotSource } from '../admission/snapshot-source.js'
import { noWatchedTables, type WatchedTables } from '../watched-tables.js'
import { dispositionOf, type Disposition } from './dispositions.js'
import type { StreamOccurrences } from './occurrences.js'
import { Outbox } from './outbox.js'
import { claimSlot, renewSlot } from './slot.js'
import type { TopicLayout } from './topic-layout.js'
import { TransactionReader } from './transaction-reader.js'
import { WatermarkCycle } from './watermark-cycle.js'
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
  | { readonly at: 'draining'; readonly stream: ReplicationStream | undefined }
  | { readonly at: 'stopped' }
  | { readonly at: 'terminal'; readonly reason: string }

const firstRetryMs = 100
const lastRetryMs = 10_000
const drainMs = 5_000

/**
 * Holds one logical replication slot and hands its changes to Kafka, in order.
 *
 *   new --start()--> reconnecting --connected--> streaming --stop()--> draining --all acknowledged--> stopped
 *                     |   ^   ^                       |
 *                     |   |   +--- connection lost ---+
 *                     |   +------- slot's history gone: a new slot, behind a gap over everything
 *                     +-- nothing helps --> terminal(reason)
 *
 * Invariant: the slot is acknowledged only by watermarks that Kafka has acknowledged, so that the next start begins at or
 * before the last of them, and everything before it is there.
 */
export class ChangeStream {
  private mode: Mode = { at: 'new' }
  private watched = noWatchedTables
  /** Values come in binary until one is met that cannot be read so. */
  private binary = true
  private readonly outbox: Outbox
  private readonly reader: TransactionReader
  private readonly watermarks: Watermarks
  private readonly cycle: WatermarkCycle
  private identity: Pick<TablesSnapshot, 'systemId' | 'timeline'>
  /** The run whose messages are taken; those of an earlier one that still come are not. */
  private currentRun: symbol | undefined
  private fingerprint: string | undefined
  private ticker: NodeJS.Timeout | undefined
  private readonly ended = Promise.withResolvers<string | undefined>()

  private constructor(
    private readonly options: ChangeStreamOptions,
    first: TablesSnapshot,
    confirmed: Lsn,
  ) {
    const { producer, occurrences, source, namespace, layout, database } = options
    this.identity = { systemId: first.systemId, timeline: first.timeline }
    this.watermarks = new Watermarks(source, confirmed)
    this.outbox = new Outbox(producer, {
      sending: (record) => this.watermarks.count(record),
      sent: (records, tookMs) => occurrences.emit('change:published', { records, tookMs }),
      failed: (facts) => {
        this.watermarks.beginEpoch()
        occurrences.emit('publish:failed', facts)
      },
    })
    this.reader = new TransactionReader(source, namespace, first.snapshot.xmax, {
      layout,
      onRecord: (record) => this.outbox.add(record),
      onUnusableMessage: (message) => {
        occurrences.emit('message:unusable', message)
        if (!message.harmless)
          void this.publishGap({ scope: { kind: 'all' }, cause: 'unreadable-record', lsn: message.lsn })
      },
    })
    this.cycle = new WatermarkCycle(
      {
        snapshots: options.snapshots,
        askForPosition: () => {
          if (this.mode.at === 'streaming') this.mode.stream.requestKeepalive()
        },
        flushLog: () => flushLog(database),
        close: (taken, acknowledged) => this.closeWatermark(taken, acknowledged),
        isInTransaction: () => this.reader.isInTransaction,
        failed: (error) => occurrences.emit('snapshot:failed', { error }),
      },
      { watermarkMs: this.watermarkMs, idleWatermarkMs: options.idleWatermarkMs ?? 1_000 },
    )
  }

  /** Makes sure of the slot; `slotIsNew` = it was created just now, so that earlier changes are unknown. */
  static async prepare(options: ChangeStreamOptions): Promise<{ stream: ChangeStream; slotIsNew: boolean }> {
    const { confirmed, isNew } = await claimSlot(options.database, options.slotName)
    return { stream: new ChangeStream(options, await options.snapshots(), confirmed), slotIsNew: isNew }
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
    this.ticker = setInterval(() => {
      if (this.mode.at === 'streaming') void this.cycle.tick()
    }, this.watermarkMs)
    void this.run()
  }

  /** Writes a gap behind everything that was sent; resolves once Kafka has acknowledged it on every partition. */
  publishGap(gap: Pick<GapRecord, 'scope' | 'cause' | 'lsn'>): Promise<void> {
    const places = this.options.layout.controlled(this.watched)
    const gapId = randomUUID()
    return new Promise((resolve) => {
      this.outbox.add({
        write: () => this.watermarks.gap(gap, gapId, places),
        acknowledged: () => {
          this.options.occurrences.emit('gap:published', { cause: gap.cause, partitions: places.length })
          resolve()
        },
      })
    })
  }

  /** Stops reading, lets Kafka acknowledge what was read, tells the slot so, and ends. */
  async stop(): Promise<void> {
    if (this.mode.at === 'draining' || this.mode.at === 'stopped' || this.mode.at === 'terminal') return
    const { stream } = this
    this.mode = { at: 'draining', stream }
    this.currentRun = undefined
    clearInterval(this.ticker)
    if (stream) {
      this.cycle.finish(this.reader.position)
      await Promise.race([this.outbox.drained(), delay(drainMs, undefined, { ref: false })])
    }
    this.outbox.close()
    await stream?.close()
    this.mode = { at: 'stopped' }
    this.ended.resolve(undefined)
  }

  private async run(): Promise<void> {
    for (let attempt = 1; this.mode.at === 'reconnecting'; attempt++) {
      const error = await this.streamOnce(() => (attempt = 0))
      if (!this.isActive) return
      this.mode = { at: 'reconnecting' }
      const disposition = await this.judge(error)
      if (!this.isActive) return
      if (disposition.then === 'terminal') return this.fail(disposition.because)
      const retryInMs = Math.min(lastRetryMs, firstRetryMs * 2 ** attempt) * (0.5 + Math.random() / 2)
      const { slotName, occurrences } = this.options
      occurrences.emit('stream:lost', { slotName, error, because: disposition.because, retryInMs })
      await delay(retryInMs, undefined, { ref: false })
      if (disposition.then === 'reconnect-as-text') this.binary = false
      if (disposition.then === 'replace-slot' && this.isActive) await this.replaceSlot()
    }
  }

  /** Streams until the connection ends; returns why. */
  private async streamOnce(connected: () => void): Promise<unknown> {
    const { url, slotName, publications, occurrences } = this.options
    const run = Symbol('run')
    this.currentRun = run
    try {
      await this.outbox.drained() // what was read before must stand before what is read again
      this.reader.restart()
      const confirmed = await this.look()
      const stream = await ReplicationStream.open({
        url,
        slotName,
        publications,
        binary: this.binary,
        applicationName: `freshet cdc-listener ${slotName}`,
        onReceived: (items) => this.receive(run, items),
      })
      if (!this.isActive) {
        await stream.close()
        return undefined
      }
      this.mode = { at: 'streaming', stream }
      connected()
      if (confirmed !== undefined) occurrences.emit('stream:connected', { slotName, from: confirmed, ...this.identity })
      return await stream.ended
    } catch (error) {
      return error
    }
  }

  /** Before each run: which server is this, and how far is its slot? Undefined where there is none. */
  private async look(): Promise<Lsn | undefined> {
    const { database, slotName, snapshots } = this.options
    const taken = await snapshots()
    if (taken.inRecovery) throw new StandbyRefusedError('the stream of a slot')
    const { systemId, timeline } = taken
    this.cycle.reset(taken)
    this.reader.refer(taken.snapshot.xmax)
    const slot = await readSlot(database, slotName)
    if (systemId !== this.identity.systemId || timeline !== this.identity.timeline) {
      // another history: readers see it from the next watermark, which names it (R9)
      this.identity = { systemId, timeline }
      if (slot) this.beginAt(slot.confirmedLsn)
    }
    return slot?.confirmedLsn
  }

  private async receive(run: symbol, items: readonly Received[]): Promise<void> {
    for (const item of items) {
      if (this.currentRun !== run) return // what follows is read again by the next run
      if (!(item instanceof Uint8Array)) {
        if (!this.reader.isInTransaction) this.cycle.passed(item.walEnd)
        continue
      }
      this.reader.read(decodeMessage(item))
      if (!this.reader.isInTransaction) this.cycle.passed(this.reader.position)
      if (!this.outbox.hasRoom) await this.outbox.room()
    }
  }

  private closeWatermark(taken: TablesSnapshot, acknowledged: () => void): void {
    const { layout, occurrences, onTablesChanged } = this.options
    const changed = this.fingerprint === undefined ? [] : changedTables(this.fingerprint, taken.fingerprint)
    this.fingerprint = taken.fingerprint
    this.reader.refer(taken.snapshot.xmax)
    if (changed.length > 0) {
      const scope = { kind: 'tables', tables: changed } as const
      const written = this.publishGap({ scope, cause: 'tables-changed', lsn: taken.insertLsn })
      void written.then(() => onTablesChanged?.(changed))
    }
    const places = layout.controlled(this.watched)
    this.outbox.add({
      write: () => this.watermarks.close(taken, places),
      acknowledged: () => {
        this.watermarks.confirm(taken.insertLsn)
        this.stream?.acknowledge(taken.insertLsn)
        acknowledged()
        const { insertLsn, databaseTimeMs } = taken
        occurrences.emit('watermark:published', { lsn: insertLsn, partitions: places.length, databaseTimeMs })
      },
    })
  }

  private async judge(error: unknown): Promise<Disposition> {
    if (!(error instanceof ReplicationRefusedError)) return dispositionOf(error, undefined)
    const { database, slotName } = this.options
    try {
      return dispositionOf(error, await readSlot(database, slotName))
    } catch (unknown) {
      return dispositionOf(unknown, undefined) // nothing is known of the slot: it is not given up for that
    }
  }

  private async replaceSlot(): Promise<void> {
    const { database, slotName, occurrences } = this.options
    try {
      const from = await renewSlot(database, slotName)
      this.beginAt(from)
      await this.publishGap({ scope: { kind: 'all' }, cause: 'slot-lost', lsn: from })
    } catch (error) {
      occurrences.emit('stream:lost', { slotName, error, because: 'the slot could not be replaced', retryInMs: 0 })
    }
  }

  /** Nothing before this position will come again: readers that have not seen all of it see a gap. */
  private beginAt(position: Lsn): void {
    this.watermarks.confirm(position)
    this.watermarks.beginEpoch()
  }

  private fail(reason: string): void {
    clearInterval(this.ticker)
    this.currentRun = undefined
    this.outbox.close()
    this.mode = { at: 'terminal', reason }
    this.options.occurrences.emit('stream:terminal', { reason })
    this.ended.resolve(reason)
  }

  private get watermarkMs(): number {
    return this.options.watermarkMs ?? 250
  }

  private get stream(): ReplicationStream | undefined {
    return this.mode.at === 'streaming' || this.mode.at === 'draining' ? this.mode.stream : undefined
  }

  private get isActive(): boolean {
    return this.mode.at === 'streaming' || this.mode.at === 'reconnecting'
  }
}
