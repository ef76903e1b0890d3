import type { HeldValue } from './held-value.js'
import type { Layer, ReadMiss, StoreRefusal } from './occurrence.js'

/** A value, and everything that can be said of it. */
export interface Reading<Value> {
  /** As decoding returns it, frozen in depth. */
  readonly value: Value
  readonly layer: Layer
  /** When it was loaded, in milliseconds since 1970, by the clock of the process that loaded it. */
  readonly loadedAtMs: number
  /** Time since then, in milliseconds, by this process's clock. */
  readonly ageMs: number
  /** Time left until its own expiry, in milliseconds. */
  readonly ttlMs: number
  /**
   * Does the fence protocol stand behind it? If not it is as good as a load of the caller's own, or `stale`, for this caller
   * only: an answer made of it must say `no-store`.
   */
  readonly vouched: boolean
  /** Fenced, and served within its template's window (`staleWhileRevalidate`); then not vouched for. */
  readonly stale: boolean
  /** `lease`: from a source without transactions, or fenced by hand only. */
  readonly strength: 'full' | 'lease'
  /** Was it brought by a load that another read had begun? */
  readonly joined: boolean
  /** Why Redis could not answer. */
  readonly missed?: ReadMiss
  /** Why the loaded value was not stored. */
  readonly refused?: StoreRefusal
}

/** How a value came to a read. */
export type Arrival = Pick<Reading<unknown>, 'layer' | 'vouched'> &
  Partial<Pick<Reading<unknown>, 'joined' | 'missed' | 'refused' | 'stale'>>

/** The reading of a value in hand; `header` tells its age and strength. */
export function readingOf<Value>(held: HeldValue, arrival: Arrival): Reading<Value> {
  const { ageMs } = held
  return {
    value: held.value as Value,
    loadedAtMs: held.header.at,
    ageMs,
    ttlMs: Math.max(0, held.header.ttl - ageMs),
    stale: false,
    strength: held.header.lease ? 'lease' : 'full',
    joined: false,
    ...arrival,
  }
}
