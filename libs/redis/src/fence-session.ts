import type { Tag } from '@freshet/cache-keys'
import { newGeneration, type AppliedWatermark, type Moment, type ShardTag } from '@freshet/coherence'
import { call, type Command, type Connection } from './connection.js'
import type {
  AppliedMark,
  CatalogInForce,
  Cursor,
  CursorMove,
  FenceSession,
  PruneOutcome,
  ShardFence,
  TakeFloor,
} from './fence-store.js'
import type { Keys } from './keys.js'
import { rotation } from './rotation.js'
import { addTransactionsScript, openRecordScript, pruneScript, setFloorScript } from './scripts.js'
import { everyShard, placesOf } from './shard-fences.js'
import { formatApplied, formatCatalog, formatCursor, parseApplied, parseCatalog, parseCursor } from './state-codec.js'
import { hashReply, numberReply, textsReply } from './replies.js'
import { FenceUnavailableError } from './unavailable.js'

const PROGRESS_TTL_MS = 7 * 24 * 3_600_000 // as long as the topics keep the record it belongs to
const UNKNOWN = 'unknown'

/**
 * A session of the fence store over one connection of ioredis.
 *
 *   open --an error, or the connection is lost--> over, for good
 */
export class RedisFenceSession implements FenceSession {
  private overBecause: string | undefined

  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly number: number,
  ) {}

  isOver(): boolean {
    return this.overBecause !== undefined || this.connection.number !== this.number
  }

  redisId(): string | undefined {
    return this.connection.redisIdOf(this.number)
  }

  async fence(fences: readonly ShardFence[]): Promise<void> {
    await this.run('add transactions', fences.filter(({ transactions }) => transactions.length > 0).map(this.addition))
    await this.rotate(fences.flatMap(({ shard, tags }) => tags.map((tag) => ({ shard, tag })))) // R7: only once all stand
  }

  async rotateOnly(tags: readonly Tag[]): Promise<void> {
    await this.rotate(tags.flatMap(placesOf))
  }

  async recover(shards: readonly number[], takeFloor: TakeFloor): Promise<void> {
    const opened = await this.openRecords(shards)
    await this.setFloors(
      opened.filter(({ placeholder }) => placeholder),
      takeFloor,
    )
  }

  async gap(scope: readonly Tag[], takeFloor: TakeFloor): Promise<void> {
    const places = scope.flatMap(placesOf)
    await this.setFloors(await this.openRecords([...new Set(places.map(({ shard }) => shard))]), takeFloor)
    await this.rotateOnly(scope) // R9: only once all floors stand
  }

  async prune(shards: readonly number[] | 'all', { lsn, snapshot }: Moment): Promise<PruneOutcome> {
    const asked = shards === 'all' ? everyShard : shards
    const moment = [lsn, snapshot.xmin, snapshot.xmax, ...snapshot.running].map(String)
    const replies = await this.run(
      'prune',
      asked.map((shard) => call(pruneScript, this.keys.recent(shard), ...moment)),
    )
    const held = asked.map((shard, position) => ({ shard, holds: numberReply(replies[position]) }))
    return {
      missing: held.filter(({ holds }) => holds < 0).map(({ shard }) => shard),
      busy: held.filter(({ holds }) => holds > 0).map(({ shard }) => shard),
    }
  }

  async cursors(topic: string): Promise<ReadonlyMap<number, Cursor>> {
    const fields = await this.hash('read cursors', this.keys.cursors(topic))
    const cursors = Object.entries(fields).map(([partition, text]) => [Number(partition), parseCursor(text)] as const)
    return new Map(cursors.flatMap(([partition, cursor]) => (cursor ? [[partition, cursor]] : [])))
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<void> {
    await this.run(
      'move cursors',
      moves.map(({ topic, partition, cursor }) => ['hset', this.keys.cursors(topic), partition, formatCursor(cursor)]),
    )
  }

  async appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>> {
    const fields = await this.hash('read applied watermarks', this.keys.applied)
    return new Map(Object.entries(fields).map(([place, text]) => [place, parseApplied(text)]))
  }

  async expectApplied(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    await this.run(
      'expect watermarks',
      partitions.map(({ topic, partition }) => ['hsetnx', this.keys.applied, `${topic}/${partition}`, UNKNOWN]),
    )
  }

  async noteApplied(marks: readonly AppliedMark[]): Promise<void> {
    await this.run(
      'note applied watermarks',
      marks.map((mark) => [
        'hset',
        this.keys.applied,
        `${mark.topic}/${mark.partition}`,
        formatApplied(mark.watermark),
      ]),
    )
  }

  async catalogProgress(gapId: string, partition: string): Promise<number> {
    const key = this.keys.gapProgress(gapId)
    const [, , count] = await this.run('note progress', [
      ['sadd', key, partition],
      ['pexpire', key, PROGRESS_TTL_MS],
      ['scard', key],
    ])
    return numberReply(count)
  }

  async putCatalogInForce(record: CatalogInForce): Promise<void> {
    const field = catalogField(record.owner, record.version)
    await this.run('put catalog in force', [['hset', this.keys.catalogs, field, formatCatalog(record)]])
  }

  async catalogsInForce(): Promise<readonly CatalogInForce[]> {
    const fields = await this.hash('read catalogs in force', this.keys.catalogs)
    return Object.values(fields).flatMap((text) => parseCatalog(text) ?? [])
  }

  async removeCatalogInForce(owner: string, version: string): Promise<void> {
    await this.run('remove catalog', [['hdel', this.keys.catalogs, catalogField(owner, version)]])
  }

  async evict(keys: readonly string[]): Promise<void> {
    await this.run(
      'evict',
      keys.map((key) => ['del', key]),
    )
  }

  private readonly addition = ({ shard, transactions }: ShardFence): Command =>
    call(
      addTransactionsScript,
      this.keys.recent(shard),
      ...transactions.flatMap(({ xid, lsn }) => [`${xid}`, `${lsn}`]),
    )

  /** The next generation is random, so that deleting is enough, and nothing is written for tags that nobody caches. */
  private async rotate(places: readonly ShardTag[]): Promise<void> {
    await this.run('rotate', rotation(this.keys, places))
  }

  /** R6, first step; in R9 also for records that exist, to learn which life the floor will be for. */
  private async openRecords(shards: readonly number[]): Promise<OpenedRecord[]> {
    const replies = await this.run(
      'open recent records',
      shards.map((shard) => call(openRecordScript, this.keys.recent(shard), newGeneration())),
    )
    return shards.map((shard, position) => {
      const [life, floor] = textsReply(replies[position])
      return { shard, life: life ?? '', placeholder: floor === 'inf' }
    })
  }

  /** R6, second and third step: the floor is taken only once every placeholder stands. */
  private async setFloors(opened: readonly OpenedRecord[], takeFloor: TakeFloor): Promise<void> {
    if (opened.length === 0) return
    const { floor, pruned } = await takeFloor()
    await this.run(
      'set floors',
      opened.map(({ shard, life }) => call(setFloorScript, this.keys.recent(shard), life, `${floor}`, `${pruned}`)),
    )
  }

  private async hash(operation: string, key: string): Promise<Readonly<Record<string, string>>> {
    const [fields] = await this.run(operation, [['hgetall', key]])
    return hashReply(fields)
  }

  private async run(operation: string, commands: readonly Command[]): Promise<unknown[]> {
    if (this.isOver()) throw new FenceUnavailableError(operation, this.overBecause ?? 'its connection is gone')
    try {
      return await this.connection.pipeline(commands, this.number)
    } catch (cause) {
      this.overBecause = cause instanceof Error ? cause.message : String(cause)
      throw new FenceUnavailableError(operation, this.overBecause, { cause })
    }
  }
}

interface OpenedRecord {
  readonly shard: number
  readonly life: string
  readonly placeholder: boolean
}

export const catalogField = (owner: string, version: string): string => `${owner}@${version}`
