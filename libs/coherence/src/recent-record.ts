import type { Lsn, Xid } from '@freshet/pgoutput'
import { isVisible, type Snapshot } from './snapshot.js'

/** A transaction that fenced something: its top-level id, and where its commit becomes visible to a standby. */
export interface RecentTransaction {
  readonly xid: Xid
  readonly lsn: Lsn
}

/** While a floor is set a fill needs `xmin > floor`; `infinity` is a placeholder's: nothing may be stored (R6). */
export type Floor = Xid | 'infinity'

/**
 * What a shard remembers of the transactions that lately fenced something in it. It is `undefined` where it is
 * missing: lost, or never made. Every change of it in Redis is a one-key script that equals one function below.
 */
export interface RecentRecord {
  /** Random, given at creation: tells a record from one that took its place after a loss. */
  readonly life: string
  readonly transactions: ReadonlyMap<Xid, Lsn>
  /** The highest LSN that was pruned, or that a floor stands for. */
  readonly pruned: Lsn | undefined
  readonly floor: Floor | undefined
}

/** A recent record as a fill captured it (R2). */
export interface CapturedRecent {
  readonly missing: boolean
  readonly transactions: readonly RecentTransaction[]
  readonly pruned: Lsn | undefined
  readonly floor: Floor | undefined
}

/** A moment on the primary: every transaction visible in the snapshot has its commit at or below `lsn`. */
export interface Moment {
  readonly lsn: Lsn
  readonly snapshot: Snapshot
}

/** A floor and its `pruned`, from a short transaction on the primary that began after a placeholder stood (R6). */
export interface TakenFloor {
  readonly floor: Xid
  readonly pruned: Lsn
}

/** What a fill sees of a record. */
export const captureOf = (record: RecentRecord | undefined): CapturedRecent => ({
  missing: record === undefined,
  transactions: [...(record?.transactions ?? [])].map(([xid, lsn]) => ({ xid, lsn })),
  pruned: record?.pruned,
  floor: record?.floor,
})

/** May this transaction leave the record? (R8; the watermark's timeline must be the one the record was written in.) */
export const isPrunable = (recent: RecentTransaction, watermark: Moment): boolean =>
  isVisible(recent.xid, watermark.snapshot) && recent.lsn <= watermark.lsn

/** Have all transactions that a floor stands for ended, as this snapshot sees it? (R6, R8, R9: `xmin > floor`.) */
export const floorPassed = (floor: Floor, snapshot: Snapshot): boolean => floor !== 'infinity' && snapshot.xmin > floor

/** Notes transactions. A missing record stays missing, so that lost history is seen as lost (R6). */
export function addTransactions(
  record: RecentRecord | undefined,
  added: readonly RecentTransaction[],
): RecentRecord | undefined {
  if (record === undefined) return undefined // R6
  const transactions = new Map(record.transactions)
  for (const { xid, lsn } of added) transactions.set(xid, highest(transactions.get(xid), lsn))
  return { ...record, transactions }
}

/** Step one of a floor (R6, R9): a missing record comes to life as a placeholder; one that exists is left as it is. */
export const openRecord = (record: RecentRecord | undefined, life: string): RecentRecord =>
  record ?? { life, transactions: new Map(), pruned: undefined, floor: 'infinity' }

/**
 * Step three of a floor (R6, R9), after it was taken on the primary. Transactions added meanwhile stay, and of two
 * floors the higher. A record that was lost since step one is left alone: `life` differs or nothing is there, and the
 * transactions added in between are lost with it, so that only a floor taken later can stand for them.
 */
export function setFloor(record: RecentRecord | undefined, life: string, taken: TakenFloor): RecentRecord | undefined {
  if (record?.life !== life) return record
  const floor =
    record.floor === undefined || record.floor === 'infinity' ? taken.floor : highest(record.floor, taken.floor)
  return { ...record, floor, pruned: highest(record.pruned, taken.pruned) }
}

/** Takes out what every later load sees anyway, raising `pruned` in the same step (R8). */
export function pruneRecord(record: RecentRecord | undefined, watermark: Moment): RecentRecord | undefined {
  if (record === undefined) return undefined
  const transactions = new Map<Xid, Lsn>()
  let pruned = record.pruned
  for (const [xid, lsn] of record.transactions) {
    if (isPrunable({ xid, lsn }, watermark)) pruned = highest(pruned, lsn)
    else transactions.set(xid, lsn)
  }
  const floor = record.floor !== undefined && floorPassed(record.floor, watermark.snapshot) ? undefined : record.floor
  return { ...record, transactions, pruned, floor }
}

/** Must a service still give this record a floor? So for a missing one, and for a placeholder whose maker may have died. */
export const needsFloor = (record: RecentRecord | undefined): boolean =>
  record === undefined || record.floor === 'infinity'

const highest = <T extends bigint>(known: T | undefined, other: T): T =>
  known !== undefined && known > other ? known : other
