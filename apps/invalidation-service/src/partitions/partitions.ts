import type { KafkaPort, PartitionOffsets } from '@freshet/kafka'
import type { Cursor, FenceSession, FenceStore } from '@freshet/redis'
import type { CatalogDirectory } from '../catalogs/catalog-directory.js'
import type { Gaps } from '../gaps/gaps.js'

/** Where a partition stands, and the one connection on which it may go on (R13). */
export interface Standing {
  readonly session: FenceSession
  readonly cursor: Cursor
  /** Where the log ended after the session had begun: what stands before may be a repetition (`windowsToOpen`). */
  readonly repeatsUntil: bigint
}

/** This partition has no standing: its position must be asked for first. */
export class NoStandingError extends Error {
  readonly code = 'NO_STANDING'
  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {
    super(`${topic}/${partition} has no cursor read on the present connection; ask for its position and go on there`)
    this.name = 'NoStandingError'
  }
}

/** Records that are read again rather than skipped where a cursor is missing. */
const shortLog = 10_000n

/**
 * Knows where each assigned partition stands: read from Redis when Kafka assigns it and after each error, moved by its batches.
 *
 * A cursor that Redis does not hold is a gap (R9): fences up to there are lost together with it. The partition's end is
 * read first, then the gap is applied: whatever stands before that end was committed before the gap's floor was taken, so
 * that reading may go on from the end. A short log is read from its start all the same: repeating is safe (R7), and it may
 * hold the record that brings a catalog into force.
 */
export class Partitions {
  private readonly standings = new Map<string, Standing>()
  private session: FenceSession | undefined
  /** Sessions whose arrived shards are fenced, or being fenced. */
  private readonly settled = new WeakMap<FenceSession, Promise<void>>()

  constructor(
    private readonly store: FenceStore,
    private readonly kafka: KafkaPort,
    private readonly directory: CatalogDirectory,
    private readonly gaps: Gaps,
    private readonly waitForCatalogsMs: number,
  ) {}

  /**
   * Where to go on, for the consumer. Throws CatalogsBehindError while `catalogs.v1` is not read to its end: a catalog may
   * have come into force before the cursor, through another instance, and what follows is to be planned with it.
   */
  async positions(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
    const session = this.openSession()
    const cursors = await session.cursors(topic)
    const logs = await this.logs(topic)
    await this.prepare(session)
    const lost = partitions.filter((partition) => !cursors.has(partition))
    const standings = new Map(partitions.map((partition) => [partition, cursors.get(partition)]))
    if (lost.length > 0) {
      await this.gaps.apply(session, 'cursor-lost', topic, this.directory.templatesOf(topic))
      const moves = lost.map((partition) => ({ topic, partition, cursor: { offset: beginIn(logs.get(partition)) } }))
      await session.moveCursors(moves)
      for (const { partition, cursor } of moves) standings.set(partition, cursor)
    }
    return new Map(
      [...standings].flatMap(([partition, cursor]) => {
        if (!cursor) return []
        const repeatsUntil = endOf(logs.get(partition))
        this.standings.set(`${topic}/${partition}`, { session, cursor, repeatsUntil })
        return [[partition, cursor.offset] as const]
      }),
    )
  }

  /** Records before `first` are gone: a gap, and reading goes on there. Throws CatalogsBehindError. */
  async skip(topic: string, partition: number, first: bigint): Promise<bigint> {
    const session = this.openSession()
    await this.prepare(session) // it may be a newer one than that of the position that is out of range
    await this.gaps.apply(session, 'offset-out-of-range', topic, this.directory.templatesOf(topic))
    const repeatsUntil = endOf((await this.logs(topic)).get(partition))
    const standing = { session, cursor: { offset: first }, repeatsUntil }
    await this.move(topic, partition, standing, standing.cursor)
    return first
  }

  /** Throws NoStandingError. */
  standing(topic: string, partition: number): Standing {
    const standing = this.standings.get(`${topic}/${partition}`)
    if (!standing) throw new NoStandingError(topic, partition)
    return standing
  }

  /** The next offset of each partition of a topic that was ever assigned here; of one that was taken away, an old one. */
  offsetsOf(topic: string): ReadonlyMap<number, bigint> {
    const offsets = new Map<number, bigint>()
    for (const [place, { cursor }] of this.standings)
      if (place.startsWith(`${topic}/`)) offsets.set(Number(place.slice(topic.length + 1)), cursor.offset)
    return offsets
  }

  /** The last step of a batch (R7). */
  async move(topic: string, partition: number, standing: Standing, cursor: Cursor): Promise<void> {
    await standing.session.moveCursors([{ topic, partition, cursor }])
    this.standings.set(`${topic}/${partition}`, { ...standing, cursor })
  }

  /** What has to be before any cursor of a session moves, and any record is planned: all catalogs, and the arrived shards fenced. */
  private async prepare(session: FenceSession): Promise<void> {
    await this.directory.caughtUp(this.waitForCatalogsMs)
    await this.settle(session)
  }

  /** Fences the shards that came from other masters of a Cluster, before any cursor moves on. */
  private settle(session: FenceSession): Promise<void> {
    const under = this.settled.get(session) ?? this.fenceArrived(session)
    this.settled.set(session, under)
    under.catch(() => this.settled.delete(session))
    return under
  }

  private async fenceArrived(session: FenceSession): Promise<void> {
    const shards = await session.arrivedShards()
    if (shards.length === 0) return
    const templates = this.directory.planner.allTemplates()
    const tags = templates.flatMap(({ text }) => shards.map((shard) => ({ text, shard })))
    await this.gaps.apply(session, 'slot-moved', `${shards.length} shards`, tags)
  }

  /** The session that all partitions share; a new one once that is over. Throws FenceUnavailableError. */
  openSession(): FenceSession {
    if (!this.session || this.session.isOver()) this.session = this.store.session()
    return this.session
  }

  private async logs(topic: string): Promise<ReadonlyMap<number, PartitionOffsets>> {
    return new Map((await this.kafka.admin.offsets(topic)).map((log) => [log.partition, log]))
  }
}

/** Of one that is not known: whatever stands in it may be a repetition. */
const endOf = (log: PartitionOffsets | undefined): bigint => log?.high ?? 2n ** 63n

/** Where to begin without a cursor. */
const beginIn = (log: PartitionOffsets | undefined): bigint =>
  log === undefined ? 0n : log.high - log.low <= shortLog ? log.low : log.high
