import { lsn, type Lsn } from '@freshet/pgoutput'
import { StandbyRefusedError, type TablesSnapshot } from '@freshet/postgres'
import type { SnapshotSource } from '../admission/snapshot-source.js'

/** What the cycle has others do. */
export interface WatermarkPorts {
  readonly snapshots: SnapshotSource
  /** Asks the server how far it has sent; the answer comes by `passed`. */
  askForPosition(): void
  /** Makes the server write out its log, so that it can send what lies before a snapshot. */
  flushLog(): Promise<void>
  /** Writes the watermark behind all changes; calls back once Kafka has acknowledged it. */
  close(taken: TablesSnapshot, acknowledged: () => void): void
  /** Is the stream inside a transaction, so that no position has been passed? */
  isInTransaction(): boolean
  failed(error: unknown): void
}

type Mode =
  | { readonly at: 'resting' }
  | { readonly at: 'taking' }
  | { readonly at: 'open'; readonly taken: TablesSnapshot; readonly ticks: number }
  /** As `open`, but with the last snapshot again: it says no more of visibility, only that more has been published. */
  | { readonly at: 'repeating'; readonly taken: TablesSnapshot }
  | { readonly at: 'closing' }

export interface CyclePace {
  /** Under traffic, in milliseconds: also how often `tick` is called. */
  readonly watermarkMs: number
  /** Without traffic, in milliseconds. */
  readonly idleWatermarkMs: number
}

/**
 * Takes a snapshot, lets the stream pass its insert position, closes the watermark; one at a time.
 *
 *   resting --due--> taking --snapshot--> open --the stream has passed it--> closing --Kafka acknowledged--> resting
 *                      +--- no snapshot to be had --> repeating --any position--^
 *
 * A server that shuts down gives no snapshots, but ends only once all of its log has been acknowledged: hence `repeating`.
 */
export class WatermarkCycle {
  private mode: Mode = { at: 'resting' }
  /** Can be repeated by a watermark at or behind its insert position. */
  private last: TablesSnapshot | undefined
  private closedAt = lsn(0n)
  private lastTakenAt = Number.NEGATIVE_INFINITY
  private sawTraffic = false
  private wasQuiet = false

  constructor(
    private readonly ports: WatermarkPorts,
    private readonly pace: CyclePace,
  ) {}

  /** Changes were read: the next watermark is due soon. */
  traffic(): void {
    this.sawTraffic = true
    this.wasQuiet = false
  }

  /** A new run of the stream begins, under this snapshot: what was open is not passed any more. */
  reset(snapshot: TablesSnapshot): void {
    this.last = snapshot
    if (this.mode.at !== 'closing') this.mode = { at: 'resting' }
  }

  /** To be called every `watermarkMs` while streaming. */
  async tick(): Promise<void> {
    const { mode, wasQuiet } = this
    this.wasQuiet = true
    if (mode.at === 'taking' || mode.at === 'closing') return
    if (mode.at === 'resting') return this.isDue ? this.take() : undefined
    this.ports.askForPosition() // an idle server says nothing of itself
    if (mode.at !== 'open') return
    this.mode = { ...mode, ticks: mode.ticks + 1 }
    const isStuck = mode.ticks > 0 && wasQuiet && !this.ports.isInTransaction()
    if (isStuck) await this.ports.flushLog().catch((error: unknown) => this.ports.failed(error))
  }

  /** Everything up to here was read, and no transaction is open. */
  passed(position: Lsn): void {
    const { mode } = this
    if (mode.at === 'open' && position >= mode.taken.insertLsn) this.close(mode.taken)
    else if (mode.at === 'repeating') this.repeat(mode.taken, position)
  }

  /** The last watermark before a stop: what was read up to here need not be read again. */
  finish(position: Lsn): void {
    if (this.last) this.repeat(this.last, position)
  }

  private repeat(taken: TablesSnapshot, position: Lsn): void {
    if (position >= taken.insertLsn && position > this.closedAt) this.close({ ...taken, insertLsn: position })
  }

  private get isDue(): boolean {
    const { watermarkMs, idleWatermarkMs } = this.pace
    return this.sawTraffic || performance.now() - this.lastTakenAt > idleWatermarkMs - watermarkMs
  }

  private async take(): Promise<void> {
    const mode: Mode = { at: 'taking' }
    this.mode = mode
    try {
      const taken = await this.ports.snapshots()
      if (taken.inRecovery) throw new StandbyRefusedError('a watermark')
      if (this.mode !== mode) return // the stream began anew
      this.lastTakenAt = performance.now()
      this.sawTraffic = false
      this.mode = { at: 'open', taken, ticks: 0 }
    } catch (error) {
      this.ports.failed(error)
      if (this.mode !== mode) return
      this.mode = this.last ? { at: 'repeating', taken: this.last } : { at: 'resting' }
    }
    this.ports.askForPosition()
  }

  private close(taken: TablesSnapshot): void {
    const mode: Mode = { at: 'closing' }
    this.mode = mode
    this.last = taken
    this.closedAt = taken.insertLsn
    this.ports.close(taken, () => {
      if (this.mode === mode) this.mode = { at: 'resting' }
    })
  }
}
