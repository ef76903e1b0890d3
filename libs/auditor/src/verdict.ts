/** What a layer served. */
export interface Seen {
  /** Its encoded form. */
  readonly encoded: string
  /** With the bytes this tells one stored value from the next. */
  readonly loadedAtMs: number
}

/** Why a read could not be judged. */
export type Exclusion =
  /** Two loads under one snapshot differed. */
  | 'not-deterministic'
  /** Two loads differed that went past the snapshot: its loader has connections of its own. */
  | 'moving'
  | 'load-failed'

/** What the database holds: an encoded value, if it can be told. */
export type Truth = { readonly encoded: string } | { readonly excluded: Exclusion; readonly error?: unknown }

/**
 * What became of a value that was wrong when it was first looked at.
 *
 * - `stale`: the layer still serves it.
 * - `gone`: it does not, or the database has come back to it.
 * - `replaced`: it serves another value, which is wrong as well.
 */
export type Later = 'stale' | 'gone' | 'replaced'

/** Judges a second look at a wrong value. Without a truth the first one stands: it was wrong then. */
export function judgeLater(wrong: Seen, now: Seen | undefined, truth: Truth): Later {
  if (now === undefined) return 'gone'
  if ('encoded' in truth && truth.encoded === now.encoded) return 'gone'
  if (now.loadedAtMs === wrong.loadedAtMs && now.encoded === wrong.encoded) return 'stale'
  return 'encoded' in truth ? 'replaced' : 'gone'
}
