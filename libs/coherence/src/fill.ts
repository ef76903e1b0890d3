import type { CapturedRecent } from './recent-record.js'
import { floorPassed } from './recent-record.js'
import { isVisible, type Snapshot } from './snapshot.js'

/** What is known of where and when a load read. Standbys join with R4 and R5. */
export type LoadView =
  | {
      readonly role: 'primary'
      /** Taken after the capture and before the load, on any connection to this primary; may be left out where `needsSnapshot` is false. */
      readonly snapshot?: Snapshot | undefined
      /** `pg_is_in_recovery()`, as it came with the snapshot. */
      readonly inRecovery?: boolean
      /** The load ran inside a transaction that the caller had opened. */
      readonly callersTransaction?: boolean
    }
  /** A source without transactions: lease strength, R3 to R6 do not apply. */
  | { readonly role: 'none' }

/** Why a loaded value may not be stored. */
export type FillRefusal =
  'callers-transaction' | 'history-lost' | 'no-snapshot' | 'not-primary' | 'below-floor' | 'not-visible'

/**
 * Can a snapshot decide whether this load may be stored? False where nothing happened lately (any load will do), and
 * where no snapshot could help (history is lost, or a floor is still being taken). For loads from the primary.
 */
export const needsSnapshot = (captured: readonly CapturedRecent[]): boolean =>
  captured.every((recent) => !recent.missing && recent.floor !== 'infinity') &&
  captured.some((recent) => recent.floor !== undefined || recent.transactions.length > 0)

/**
 * May a value loaded under this view be stored? (DESIGN 7, R3, R6, R9, R11.) Takes the captures of every shard that the
 * value's tags lie in, and returns the first rule that forbids it, so that callers can count and explain refusals.
 */
export function refuseFill(captured: readonly CapturedRecent[], load: LoadView): FillRefusal | undefined {
  if (load.role === 'none') return undefined
  if (load.callersTransaction) return 'callers-transaction' // R11
  if (load.inRecovery) return 'not-primary' // R4 has other rules
  if (captured.some((recent) => recent.missing)) return 'history-lost' // R6
  if (captured.some((recent) => recent.floor === 'infinity')) return 'below-floor' // R6
  if (!needsSnapshot(captured)) return undefined
  const { snapshot } = load
  if (snapshot === undefined) return 'no-snapshot' // R3
  for (const { floor, transactions } of captured) {
    if (floor !== undefined && !floorPassed(floor, snapshot)) return 'below-floor' // R6, R9
    if (!transactions.every(({ xid }) => isVisible(xid, snapshot))) return 'not-visible' // R3
  }
  return undefined
}
