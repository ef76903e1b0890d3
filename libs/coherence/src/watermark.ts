import type { Moment } from './recent-record.js'

/** Up to here all changes of one partition are fenced in this Redis. */
export interface AppliedWatermark extends Moment {
  readonly systemId: string
  readonly timeline: number
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
    if (least && (mark.systemId !== least.systemId || mark.timeline !== least.timeline)) return undefined
    if (least === undefined || mark.lsn < least.lsn) least = mark
  }
  return least
}
