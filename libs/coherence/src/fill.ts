import type { Lsn } from '@freshet/pgoutput'
import type { CapturedRecent } from './recent-record.js'
import { floorPassed } from './recent-record.js'
import { isVisible, type Snapshot } from './snapshot.js'
import { isSameHistory, type History } from './watermark.js'

/** What is known of where and when a load read. */
export type LoadView =
  | {
      readonly role: 'primary'
      /** Taken after the capture and before the load, on any connection to this primary; may be left out where `needsSnapshot` is false. */
      readonly snapshot?: Snapshot | undefined
      /** `pg_is_in_recovery()`, as it came with the snapshot. */
      readonly inRecovery?: boolean
      /** Which history the server belongs to, as it came with the snapshot. */
      readonly history?: History
      /** The load ran inside a transaction that the caller had opened. */
      readonly callersTransaction?: boolean
    }
  | {
      readonly role: 'standby'
      /** `pg_last_wal_replay_lsn()`, read after the capture in a statement before the snapshot's; undefined where it was null. */
      readonly replayLsn: Lsn | undefined
      /** The snapshot that the load ran under, or an older one of the same standby. It does not list running transactions. */
      readonly snapshot: Snapshot | undefined
      readonly history: History | undefined
      readonly callersTransaction?: boolean
    }
  /** A source without transactions: lease strength, R3 to R6 do not apply. */
  | { readonly role: 'none' }

/** Why a loaded value may not be stored. */
export type FillRefusal =
  | 'callers-transaction'
  | 'history-lost'
  | 'no-snapshot'
  | 'not-primary'
  | 'other-history'
  | 'standby-behind'
  | 'below-floor'
  | 'not-visible'

/**
 * Can a snapshot decide whether this load may be stored? False where nothing happened lately (any load will do), and
 * where no snapshot could help (history is lost, or a floor is still being taken). For loads from the primary.
 */
export const needsSnapshot = (captured: readonly CapturedRecent[]): boolean =>
  captured.every((recent) => !recent.missing && recent.floor !== 'infinity') &&
  captured.some((recent) => recent.floor !== undefined || recent.transactions.length > 0)

/**
 * May a value loaded under this view be stored? (DESIGN 7, R3 to R6, R9, R11.) Takes the captures of every shard that the
 * value's tags lie in, and the history that the applied watermarks belong to; returns the first rule that forbids it, so
 * that callers can count and explain refusals.
 */
export function refuseFill(
  captured: readonly CapturedRecent[],
  load: LoadView,
  current?: History,
): FillRefusal | undefined {
  if (load.role === 'none') return undefined
  if (load.callersTransaction) return 'callers-transaction' // R11
  if (captured.some((recent) => recent.missing)) return 'history-lost' // R6
  if (captured.some((recent) => recent.floor === 'infinity')) return 'below-floor' // R6
  if (load.role === 'standby') return refuseFromStandby(captured, load, current)
  if (load.inRecovery) return 'not-primary' // R4 has other rules
  if (!needsSnapshot(captured)) return undefined
  const { snapshot, history } = load
  if (snapshot === undefined) return 'no-snapshot' // R3
  if (!isKnownHistory(history, current)) return 'other-history'
  for (const { floor, transactions } of captured) {
    if (floor !== undefined && !floorPassed(floor, snapshot)) return 'below-floor' // R6, R9
    if (!transactions.every(({ xid }) => isVisible(xid, snapshot))) return 'not-visible' // R3
  }
  return undefined
}

/** Xids and LSNs of two histories do not compare: a primary that was replaced goes on giving out the same ids. */
const isKnownHistory = (history: History | undefined, current: History | undefined): boolean =>
  history !== undefined && current !== undefined && isSameHistory(history, current)

/** A standby that follows another timeline can have replayed any LSN without having seen what the primary committed there. */
function refuseFromStandby(
  captured: readonly CapturedRecent[],
  { replayLsn, snapshot, history }: Extract<LoadView, { readonly role: 'standby' }>,
  current: History | undefined,
): FillRefusal | undefined {
  if (replayLsn === undefined || snapshot === undefined) return 'no-snapshot' // R4
  if (!isKnownHistory(history, current)) return 'other-history'
  for (const { floor, pruned, transactions } of captured) {
    if (floor !== undefined && !floorPassed(floor, snapshot)) return 'below-floor' // R6, R9
    if (pruned !== undefined && pruned > replayLsn) return 'standby-behind' // R5
    if (!transactions.every(({ xid, lsn }) => xid < snapshot.xmin || lsn <= replayLsn)) return 'standby-behind' // R4
  }
  return undefined
}
