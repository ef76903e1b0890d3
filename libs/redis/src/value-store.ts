import type { Tag } from '@freshet/cache-keys'
import type { AppliedWatermark, CapturedRecent, ShardTag, WindowEntry } from '@freshet/coherence'
import type { CatalogInForce } from './fence-store.js'

/** Where a value lies. */
export interface ValueAddress {
  readonly shard: number
  /** Of the template and its governing tags. */
  readonly fingerprint: string
  readonly keyText: string
}

export interface ReadRequest extends ValueAddress {
  /** The tags that its template requires; all lie in its shard. */
  readonly tags: readonly string[]
  /** Also wanted: which of these windows are open; all lie in its shard. */
  readonly windows?: readonly WindowEntry[]
  /** Also wanted: the applied watermark, read before the generations and from the same Redis as they (G3). */
  readonly withApplied?: boolean
}

/** The bytes of a value and the generations that came in the same command; `null` where there is none. */
export interface ReadReply {
  readonly value: Buffer | null
  readonly generations: readonly (string | null)[]
  readonly extra: readonly (string | null)[]
  /** Which of the windows asked for were open, in their order; missing where none was asked for. */
  readonly open?: readonly boolean[]
  /** The least of all partitions' applied watermarks, where it was asked for and none is missing. */
  readonly applied?: AppliedWatermark | undefined
}

/** What R2 wants captured before a snapshot and a load. */
export interface Captured {
  /** In the order of the tags asked for. */
  readonly generations: readonly string[]
  /** One for each distinct shard. */
  readonly recents: readonly CapturedRecent[]
}

/** The client's side of the protocol. All calls throw ValuesUnavailableError when Redis does not answer. */
export interface ValueStore {
  /** Value, generations and windows in one MGET (R1); `extra` are tags that may lie in other shards. */
  read(request: ReadRequest, extra?: readonly ShardTag[]): Promise<ReadReply>
  /** Which of these windows are open, in their order. */
  openWindows(entries: readonly WindowEntry[]): Promise<readonly boolean[]>
  /** Generations alone, for tags that a header names beyond those fetched (R1). */
  generations(tags: readonly ShardTag[]): Promise<readonly (string | null)[]>
  /**
   * Generations, the missing ones created to live `ttlMs`, THEN the recent records (R2). `ttlMs` is to be the longest time
   * to live and window that these tags govern.
   */
  capture(tags: readonly ShardTag[], ttlMs: number): Promise<Captured>
  /** Stores encoded bytes for `ttlMs`; the generations of `renew` live at least `renewMs` (`ttlMs`) from now. */
  store(
    address: ValueAddress,
    bytes: Buffer,
    ttlMs: number,
    renew: readonly ShardTag[],
    renewMs?: number,
  ): Promise<void>
  /** Makes the tags' values unservable, by hand: lease strength. */
  rotate(tags: readonly Tag[]): Promise<void>
  /** Undefined: not in force, or not known to be; do not store. */
  catalogInForce(owner: string, version: string): Promise<CatalogInForce | undefined>
  /**
   * Where values lie now, from anywhere on and once round, some perhaps twice: for checkers and tools, at their own pace.
   */
  addresses(): AsyncIterable<ValueAddress>
  /** The least of all partitions' applied watermarks; undefined while one is missing. */
  applied(): Promise<AppliedWatermark | undefined>
}
