import { lsn, xid, type Lsn, type Xid } from '@freshet/pgoutput'
import type { Moment, Snapshot, TakenFloor } from '../../src/index.js'
import { rowCount } from './keys.js'

export interface Transaction {
  readonly xid: number
  readonly rows: readonly number[]
  /** Of each of its rows, once it is visible; the row is locked, so that it is known before. */
  readonly versions: readonly number[]
  /** Its commit record's position; undefined while it runs. */
  lsn: number | undefined
}

interface LogEntry {
  readonly lsn: number
  readonly kind: 'begin' | 'commit' | 'abort' | 'crash'
  readonly xid: number
  readonly rows: readonly number[]
  readonly versions: readonly number[]
}

/**
 * A primary and its write-ahead log. A commit is in the log, and with whoever reads that, before readers see it; ids that
 * only an unflushed log knew are given out again after a crash.
 */
export class Database {
  readonly rows: number[] = new Array<number>(rowCount).fill(0)
  readonly log: LogEntry[] = []
  crashes = 0
  private open: Transaction[] = []
  private nextXid = 1
  private position = 0
  private flushed = 0

  /** Undefined while another transaction holds one of the rows. */
  begin(rows: readonly number[]): Transaction | undefined {
    if (this.open.some((other) => other.rows.some((row) => rows.includes(row)))) return undefined
    const versions = rows.map((row) => (this.rows[row] ?? 0) + 1)
    const begun: Transaction = { xid: this.nextXid++, rows, versions, lsn: undefined }
    this.open.push(begun)
    this.write('begin', begun)
    return begun
  }

  /** Writes and flushes the commit; no reader sees it yet. */
  commit(transaction: Transaction): void {
    transaction.lsn = this.write('commit', transaction)
    this.flushed = this.position
  }

  show(transaction: Transaction): void {
    if (this.end(transaction)) apply(this.rows, transaction)
  }

  abort(transaction: Transaction): void {
    if (transaction.lsn === undefined && this.end(transaction)) this.write('abort', transaction)
  }

  isOpen(transaction: Transaction): boolean {
    return this.open.includes(transaction)
  }

  get snapshot(): Snapshot {
    return snapshotOf(
      this.open.map((each) => each.xid),
      this.nextXid,
    )
  }

  /** As a watermark takes it: the insert position is read behind the snapshot. */
  get moment(): Moment {
    return { snapshot: this.snapshot, lsn: lsn(BigInt(this.position)) }
  }

  /** A short transaction of its own, which writes nothing. */
  takeFloor(): TakenFloor {
    return { floor: xid(BigInt(this.nextXid++)), pruned: lsn(BigInt(this.position)) }
  }

  /** What is flushed is what others can read. */
  flushedEntry(at: number): LogEntry | undefined {
    const entry = this.log[at]
    return entry !== undefined && entry.lsn <= this.flushed ? entry : undefined
  }

  /** The id that the next transaction gets. */
  get nextId(): number {
    return this.nextXid
  }

  isFlushed(position: Lsn): boolean {
    return position <= BigInt(this.flushed)
  }

  flush(): void {
    this.flushed = this.position
  }

  crash(): void {
    this.crashes += 1
    const logged = this.open.filter((each) => each.lsn !== undefined)
    for (const each of logged) this.show(each)
    this.open = []
    while ((this.log.at(-1)?.lsn ?? 0) > this.flushed) this.log.pop()
    this.position = this.flushed
    this.nextXid = 1 + this.log.reduce((highest, each) => Math.max(highest, each.xid), 0)
    this.write('crash', { xid: 0, rows: [], versions: [] })
    this.flushed = this.position
  }

  private end(transaction: Transaction): boolean {
    const before = this.open.length
    this.open = this.open.filter((each) => each !== transaction)
    return this.open.length < before
  }

  private write(kind: LogEntry['kind'], { xid: id, rows, versions }: Omit<Transaction, 'lsn'>): number {
    this.position += 1
    this.log.push({ lsn: this.position, kind, xid: id, rows, versions })
    return this.position
  }
}

/** Replays the primary's log, later. Its snapshots do not list running transactions. */
export class Standby {
  readonly rows: number[] = new Array<number>(rowCount).fill(0)
  private readonly running = new Set<number>()
  private highestXid = 0
  private replayed = 0

  constructor(private readonly primary: Database) {}

  replay(): boolean {
    const entry = this.primary.flushedEntry(this.replayed)
    if (!entry) return false
    this.replayed += 1
    this.highestXid = Math.max(this.highestXid, entry.xid)
    if (entry.kind === 'begin') this.running.add(entry.xid)
    else if (entry.kind === 'crash') this.running.clear()
    else this.running.delete(entry.xid)
    if (entry.kind === 'commit') apply(this.rows, entry)
    return true
  }

  get replayLsn(): Lsn {
    return lsn(BigInt(this.replayed === 0 ? 0 : (this.primary.log[this.replayed - 1]?.lsn ?? 0)))
  }

  get snapshot(): Snapshot {
    const { xmin } = snapshotOf([...this.running], this.highestXid + 1)
    return { xmin, xmax: xid(BigInt(this.highestXid + 1)), running: [] }
  }
}

function apply(rows: number[], { rows: changed, versions }: Pick<Transaction, 'rows' | 'versions'>): void {
  for (const [at, row] of changed.entries()) rows[row] = versions[at] ?? 0
}

function snapshotOf(open: readonly number[], next: number): Snapshot {
  const running = open.toSorted((left, right) => left - right).map((id): Xid => xid(BigInt(id)))
  const xmax = xid(BigInt(next))
  return { xmin: running[0] ?? xmax, xmax, running }
}
