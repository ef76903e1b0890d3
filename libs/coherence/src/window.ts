import { shardTagText, type ShardTag, type TagGeneration } from './generation.js'
import type { FetchedGenerations } from './read.js'
import type { CommitToken } from './token.js'
import type { ValueHeader } from './value-codec.js'

/**
 * A window: for so long after its first fence a hot value may still be served, marked stale (`staleWhileRevalidate`).
 *
 * A rotation leaves an entry behind for the generation that it ends, one for each window, which Redis forgets when the
 * window is over. A reader that finds an old value asks for the entries of its own window, one for each of the value's tags
 * that no longer match. Nothing else is timed, and whatever is lost, late or repeated makes a window shorter, never longer:
 *
 * - A generation ends once. The script that ends it writes its entries in the same moment; a rotation that is repeated
 *   finds another generation or none, and leaves the old entries as they are.
 * - Generations that end without entries can never be served. So for a template's tag: it governs every value of the
 *   template, and what stood before a gap or a template's fence is gone for good, whatever entries its other tags have.
 */
export interface WindowEntry extends ShardTag {
  /** Its name in the shard, by `windowEntry`. */
  readonly entry: string
}

/** Names the entry of a generation that has ended, for one window; it lies in the tag's shard. The script ends with the same text. */
export const windowEntry = (tag: string, oldGeneration: string, windowMs: number): string =>
  `${tag}:${oldGeneration}:${windowMs}`

/** Why a generation ends. */
export type RotationCause =
  /** A change, or an event with a transaction, that fences keys or wildcards. */
  | 'change'
  /** The tag of a whole template is fenced, by whatever. */
  | 'template'
  | 'gap'
  /** Someone wants it gone. */
  | 'by-hand'

/** A tag's rotation, as the service that does it knows it. */
export interface Rotation {
  readonly cause: RotationCause
  /**
   * Its record may have been applied before: it stands before the end that the partition's log had after the session
   * began. A Redis that failed over holds generations again that had ended, and their windows are not opened twice.
   */
  readonly isRepeat: boolean
}

/**
 * The windows that a rotation opens: each distinct one of those wanted, shortest first; 0 is none. Wanted are those of the
 * hot keys that the tag covers, and `staleIfError` of every template that it governs. None after gaps, fences of templates
 * and fences by hand, and none for what may be a repetition.
 */
export const windowsToOpen = ({ cause, isRepeat }: Rotation, wantedMs: Iterable<number>): readonly number[] =>
  cause !== 'change' || isRepeat
    ? []
    : [...new Set(wantedMs)].filter((windowMs) => windowMs > 0).toSorted((one, other) => one - other)

/**
 * What the script of a rotation writes, in the moment in which it deletes the generation: entries and how long they live, in
 * milliseconds. None where the tag has no generation: it ended before, or nobody caches it.
 */
export const entriesOfRotation = (
  tag: string,
  generation: string | undefined,
  windowsMs: readonly number[],
): readonly { readonly entry: string; readonly pxMs: number }[] =>
  generation === undefined
    ? []
    : windowsMs.map((windowMs) => ({ entry: windowEntry(tag, generation, windowMs), pxMs: windowMs }))

/**
 * How long after a load a key that is fenced all the time is loaded again, in milliseconds: its window is not over by then,
 * and what is left of it is for the load.
 */
export const refreshAfterMs = (windowMs: number): number => 0.95 * windowMs

/** A read that has found a value which is not fresh. */
export interface StaleRequest {
  /** Its template's window, in milliseconds; 0: strict. */
  readonly windowMs: number
  readonly token?: CommitToken | undefined
  /** The caller wants nothing stale. */
  readonly fresh?: boolean
  /** The value would be a part of another: that one is not marked, and may be strict. */
  readonly insideLoad?: boolean
  /** The value would leave for an edge, which keeps it. */
  readonly forEdge?: boolean
}

/** May this read have a stale value at all? */
export const takesStale = ({ windowMs, token, fresh, insideLoad, forEdge }: StaleRequest): boolean =>
  windowMs > 0 && token === undefined && !fresh && !insideLoad && !forEdge

/**
 * Which entries decide whether a value that is not fresh may be served stale: one for each tag whose generation is missing or
 * another than the header's. Undefined: it may not be served, whatever there is. So for reads that take nothing stale, values
 * that are governed otherwise, values whose further tags were not all fetched, and values that are fresh.
 */
export function entriesToAsk(
  header: ValueHeader,
  required: readonly ShardTag[],
  fetched: FetchedGenerations,
  request: StaleRequest,
): readonly WindowEntry[] | undefined {
  if (!takesStale(request) || header.g.length !== required.length) return undefined
  const ended: TagGeneration[] = []
  for (const [position, tag] of required.entries()) {
    const generation = header.g[position]
    if (generation === undefined) return undefined
    if (fetched.required[position] !== generation) ended.push({ ...tag, generation })
  }
  for (const [shard, tag, generation] of header.x ?? []) {
    const current = fetched.further?.get(shardTagText({ shard, tag }))
    if (current === undefined) return undefined
    if (current !== generation) ended.push({ shard, tag, generation })
  }
  if (ended.length === 0) return undefined
  return ended.map(({ shard, tag, generation }) => ({
    shard,
    tag,
    entry: windowEntry(tag, generation, request.windowMs),
  }))
}

/**
 * May the value be served, marked stale and unvouched (R10)? Only if each entry was there when it was asked for, after the
 * value was read or in the same moment; `found` in the order of `asked`.
 */
export const isServableStale = (asked: readonly WindowEntry[] | undefined, found: readonly boolean[]): boolean =>
  asked !== undefined && asked.length > 0 && asked.every((_, position) => found[position] === true)
