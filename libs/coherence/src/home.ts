/**
 * Which history of writes a Redis server holds, as it says of itself: its own, and up to some offset that of the master
 * whose place it took (`master_replid`, `master_replid2`, `second_repl_offset` of INFO).
 */
export interface Lineage {
  readonly id: string
  readonly former: { readonly id: string; readonly end: bigint } | undefined
}

/** Where in which history something was written. */
export interface Written {
  readonly id: string
  /** The master's offset just before. */
  readonly offset: bigint
}

/**
 * Did this very server, or the master that it copied, write this before the copy was taken? What was written on another
 * server and came here with a moved slot was not, and says nothing about the rest of what lies here.
 */
export const holds = ({ id, former }: Lineage, written: Written): boolean =>
  written.id === id || (written.id === former?.id && written.offset + 1n < former.end)

/**
 * Was this written on this master, or on the one whose place it took? If a place's home was not, the place came from another
 * master since it was named: with all its keys, but what that one deleted may still lie here, from an earlier time (a
 * replica takes over before the deletions of a slot that has gone reach it). Such a place is fenced like a gap (R9).
 */
export const isOfLineage = ({ id, former }: Lineage, written: Written): boolean =>
  written.id === id || written.id === former?.id

/** The home that speaks for a place of a Cluster, and the history that whoever holds that home now holds. */
export interface Speaker<Cursor> {
  readonly lineage: Lineage | undefined
  readonly written: Written
  /** Undefined: none for this partition. */
  readonly cursor: Cursor | undefined
}

/**
 * Where a partition may be read on from, so that no place of a Cluster misses a fence (R13): the lowest cursor of all homes
 * that speak for a place. Undefined, which is a gap (R9), where a place has no speaker, or one that is not believed or knows
 * no cursor.
 */
export function cursorOfAll<Cursor extends { readonly offset: bigint }>(
  speakers: Iterable<Speaker<Cursor> | undefined>,
): Cursor | undefined {
  let lowest: Cursor | undefined
  for (const speaker of speakers) {
    if (speaker?.lineage === undefined || !holds(speaker.lineage, speaker.written)) return undefined
    const { cursor } = speaker
    if (cursor === undefined) return undefined
    if (lowest === undefined || cursor.offset < lowest.offset) lowest = cursor
  }
  return lowest
}
