import type { History, Snapshot } from '@freshet/coherence'
import type { Lsn } from '@freshet/pgoutput'

/** What the primary said of itself in one statement. */
export interface TakenSnapshot extends History {
  readonly snapshot: Snapshot
  /** Every commit that the snapshot shows lies at or below it. */
  readonly insertLsn: Lsn
  readonly inRecovery: boolean
  readonly databaseTimeMs: number
}

/** Takes snapshots from the primary that the loaders read. */
export type TakeSnapshot = () => Promise<TakenSnapshot>

/** A slower answer says too little of the database's clock. */
const CLOCK_ROUND_TRIP_MS = 500

/** The same, telling with each answer how far the database's clock is before this process's, in milliseconds. */
export const measuringClock =
  (take: TakeSnapshot, onClock: (skewMs: number) => void): TakeSnapshot =>
  async () => {
    const beforeMs = Date.now()
    const taken = await take()
    const roundTripMs = Date.now() - beforeMs
    if (roundTripMs <= CLOCK_ROUND_TRIP_MS) onClock(taken.databaseTimeMs - (beforeMs + roundTripMs / 2))
    return taken
  }
