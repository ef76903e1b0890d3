import type { Moment } from './recent-record.js'

/** The history that xids and LSNs belong to: those of two histories do not compare. */
export interface History {
  /** Unique per cluster, decimal; the same on its standbys. */
  readonly systemId: string
  /** Raised by each promotion. */
  readonly timeline: number
}

export const isSameHistory = (one: History, other: History): boolean =>
  one.systemId === other.systemId && one.timeline === other.timeline

/** Up to here all changes of one partition are fenced in this Redis. */
export interface AppliedWatermark extends Moment, History {
  /** The primary's clock when it took the snapshot, in milliseconds since 1970. */
  readonly databaseTimeMs: number
}

/**
 * What all partitions together vouch for: the least of their watermarks. Undefined while one has none yet, and while they
 * come from different systems or timelines, whose LSNs do not compare.
 */
export function leastApplied(marks: Iterable<AppliedWatermark | undefined>): AppliedWatermark | undefined {
  let least: AppliedWatermark | undefined
  for (const mark of marks) {
    if (mark === undefined) return undefined
    if (least && !isSameHistory(mark, least)) return undefined
    if (least === undefined || mark.lsn < least.lsn) least = mark
  }
  return least
}
