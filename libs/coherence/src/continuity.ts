import type { Lsn } from '@freshet/pgoutput'

/** What a partition's watermark says of the stream before it. */
export interface StreamMark {
  /** Random, one for each start of the listener. */
  readonly epoch: string
  /** Records sent on this partition in this epoch, this one included; an epoch opens with a watermark of sequence 1. */
  readonly sequence: bigint
  /** What the previous watermark on this partition closed; for an epoch's first, the slot's confirmed position. */
  readonly from: Lsn
  /** All changes up to here stand before it. */
  readonly lsn: Lsn
  readonly timeline: number
  readonly systemId: string
  /** Of the watched tables' shape: a line `table=digest` each. */
  readonly fingerprint: string
}

/** The last watermark of a partition that was applied. */
export interface StreamPosition {
  readonly epoch: string
  readonly sequence: bigint
  /** The Kafka offset of that watermark. */
  readonly sequenceOffset: bigint
  readonly lsn: Lsn
  readonly timeline: number
  readonly systemId: string
  /** Undefined: not known, as after a gap that says that the watched tables change. */
  readonly fingerprint: string | undefined
}

/** What a watermark can reveal; each is a gap (R9). */
export type ContinuityBreak = 'system-changed' | 'timeline-changed' | 'sequence-break' | 'lsn-break' | 'tables-changed'

/**
 * Does the stream go on without a hole from the last watermark to this one? Returns the gap's cause if not (R9). Within
 * an epoch as many offsets as records must lie between the two; a new epoch must begin at or before the LSN that was
 * closed. A partition without a known position has no cursor, which is a gap already.
 */
export function continuityBreak(last: StreamPosition, mark: StreamMark, offset: bigint): ContinuityBreak | undefined {
  if (mark.systemId !== last.systemId) return 'system-changed'
  if (mark.timeline !== last.timeline) return 'timeline-changed'
  const missing =
    mark.epoch === last.epoch ? mark.sequence - last.sequence !== offset - last.sequenceOffset : mark.sequence !== 1n // its opening watermark is lost, and what followed it
  if (missing) return 'sequence-break'
  if (mark.from > last.lsn) return 'lsn-break'
  if (last.fingerprint !== undefined && changedTables(last.fingerprint, mark.fingerprint).length > 0)
    return 'tables-changed'
  return undefined
}

/** The position after this watermark was applied. */
export const positionAt = (mark: StreamMark, offset: bigint): StreamPosition => ({
  epoch: mark.epoch,
  sequence: mark.sequence,
  sequenceOffset: offset,
  lsn: mark.lsn,
  timeline: mark.timeline,
  systemId: mark.systemId,
  fingerprint: mark.fingerprint,
})

/**
 * Which tables differ between two fingerprints: those of a `tables-changed` gap (R9), sorted.
 *
 * A table that is only in one of them was added to or taken from what is watched: that is announced by its catalog
 * coming into force.
 */
export function changedTables(before: string, after: string): readonly string[] {
  if (before === after) return []
  const then = digestsOf(before)
  return [...digestsOf(after)]
    .filter(([table, digest]) => then.has(table) && then.get(table) !== digest)
    .map(([table]) => table)
    .sort()
}

function digestsOf(fingerprint: string): ReadonlyMap<string, string> {
  return new Map(
    fingerprint
      .split('\n')
      .map((line) => [line.slice(0, line.lastIndexOf('=')), line.slice(line.lastIndexOf('=') + 1)]),
  )
}
