/**
 * May a read join a load that is under way? (R10.) Only if what it has just read of the tags that its template requires
 * equals what the flight captured: a rotation between the two means that the flight may bring an older value. Further
 * tags of the result are for `judgeRead`, once it is there.
 */
export const joinable = (captured: readonly string[], justRead: readonly (string | null)[]): boolean =>
  captured.length === justRead.length && captured.every((generation, position) => generation === justRead[position])

/** Where a value in hand comes from. */
export type Provenance =
  /** It passed R1 in this read. */
  | 'validated'
  /** This very fill stored it under R2 to R6. */
  | 'stored'
  /** Its fill was refused, or could not be written. */
  | 'unstored'
  /** Fenced, and served within its template's window. */
  | 'window'
  /** Fenced, and served because its source fails. */
  | 'stale-if-error'

/** Does the protocol stand behind this value? If not it is for its own caller only: not into L1, not inherited, not shared (R10). */
export const isVouched = (provenance: Provenance): boolean => provenance === 'validated' || provenance === 'stored'
