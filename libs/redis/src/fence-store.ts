import type { ParameterKind, Tag } from '@freshet/cache-keys'
import type { AppliedWatermark, Moment, RecentTransaction, TakenFloor } from '@freshet/coherence'
import type { Lsn } from '@freshet/pgoutput'

/** What one batch fences in one shard. */
export interface ShardFence {
  readonly shard: number
  /** Texts of the tags; a template's tag stands in the fence of every shard (`shardFences` spreads it). */
  readonly tags: readonly string[]
  readonly transactions: readonly RecentTransaction[]
  /** By tag: the windows that its rotation opens for the generation that it ends, in milliseconds (`windowsToOpen`). */
  readonly windowsMs?: ReadonlyMap<string, readonly number[]>
}

/** The next Kafka offset whose fences this Redis does not yet hold, and the last watermark before it. */
export interface Cursor {
  readonly offset: bigint
  readonly epoch?: string | undefined
  readonly sequence?: bigint | undefined
  readonly sequenceOffset?: bigint | undefined
  readonly lsn?: Lsn | undefined
  readonly timeline?: number | undefined
  readonly systemId?: string | undefined
  readonly fingerprint?: string | undefined
}

export interface CursorMove {
  readonly topic: string
  readonly partition: number
  readonly cursor: Cursor
}

export interface AppliedMark {
  readonly topic: string
  readonly partition: number
  readonly watermark: AppliedWatermark
}

/** A catalog whose templates may be stored. */
export interface CatalogInForce {
  readonly owner: string
  readonly version: string
  readonly fingerprint: string
  /** Where it came into force. */
  readonly lsn: Lsn
  /** By template, by parameter: the kind of its column. */
  readonly parameterKinds: Readonly<Record<string, Readonly<Record<string, ParameterKind>>>>
}

/** The keys that were read most in an hour, as the service saw it last; a hint, which may be lost. */
export interface HotHour {
  /** Counted from 1970. */
  readonly hour: number
  readonly keys: readonly HotHourKey[]
}

export interface HotHourKey {
  readonly owner: string
  readonly template: string
  readonly key: string
  readonly count: number
}

/** Takes a floor: a short transaction on the primary (R6). `takeFloor` of @freshet/postgres. */
export type TakeFloor = () => Promise<TakenFloor>

/** What a pruning left: shards whose record needs `recover`, and shards that still hold transactions or a floor. */
export interface PruneOutcome {
  readonly missing: number[]
  readonly busy: number[]
}

/**
 * The service's side of the protocol. All work goes through a session, which is bound to one connection (R13).
 */
export interface FenceStore {
  /** Begins on the present connection. Throws FenceUnavailableError while there is none. */
  session(): FenceSession
  /** Calls back each time a new connection is ready; sessions from before are over. Returns what stops it. */
  onReconnect(listener: () => void): () => void
}

/**
 * Commands on one connection, in order (R13). It is over with the first error or the loss of the connection: from then on
 * every call throws FenceUnavailableError, so that a batch that was under way cannot move a cursor on another connection,
 * behind which its fences may not be. All calls throw FenceUnavailableError when Redis does not confirm them.
 */
export interface FenceSession {
  /** Is this session over? */
  isOver(): boolean
  /** As the port's: names the Redis that the fences of this session are in. */
  redisId(): string | undefined
  /** Adds the transactions in every shard, and only once all are confirmed rotates the tags (R7). Safe to repeat. */
  fence(fences: readonly ShardFence[]): Promise<void>
  /** Rotates tags without a transaction: lease strength. */
  rotateOnly(tags: readonly Tag[]): Promise<void>
  /** Brings missing records back with a floor (R6); records that are there are left alone. Safe in several services at once. */
  recover(shards: readonly number[], takeFloor: TakeFloor): Promise<void>
  /** Sets a floor in every shard of these tags, and only once all are confirmed rotates them (R9). */
  gap(scope: readonly Tag[], takeFloor: TakeFloor): Promise<void>
  /** Takes out what every later load sees anyway (R8). The watermark must be of the timeline in force. */
  prune(shards: readonly number[] | 'all', watermark: Moment): Promise<PruneOutcome>
  /** The cursors of a topic by partition; one that is missing or unreadable is a gap. */
  cursors(topic: string): Promise<ReadonlyMap<number, Cursor>>
  /**
   * On a Cluster: the shards that have come from another master since their cursors were moved last. They came whole, but
   * what that one had deleted may still lie here from an earlier time: their templates need a gap (R9) before the first
   * cursor is moved. None once one was.
   */
  arrivedShards(): Promise<readonly number[]>
  /** The last step of a batch (R7). */
  moveCursors(moves: readonly CursorMove[]): Promise<void>
  /** Applied watermarks by `topic/partition`; undefined where one is expected and none was noted yet. */
  appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>>
  /** Declares partitions, so that nothing is vouched for before each has a watermark; those known already keep theirs. */
  expectApplied(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void>
  noteApplied(marks: readonly AppliedMark[]): Promise<void>
  /** Of these (`topic/partition`) nothing is expected any more. */
  forgetApplied(places: readonly string[]): Promise<void>
  /** Notes that a partition (`topic/partition`) has passed an in-force record; returns how many have. Kept for 7 days. */
  catalogProgress(gapId: string, partition: string): Promise<number>
  putCatalogInForce(record: CatalogInForce): Promise<void>
  catalogsInForce(): Promise<readonly CatalogInForce[]>
  removeCatalogInForce(owner: string, version: string): Promise<void>
  /** Replaces what is known of an hour; what is more than a day older goes. */
  putHotHour(hour: HotHour): Promise<void>
  /** Those of the last day that are known, in no order. */
  hotHours(): Promise<readonly HotHour[]>
  /** Deletes keys that are not Freshet's, by their full names; best effort. */
  evict(keys: readonly string[]): Promise<void>
}
