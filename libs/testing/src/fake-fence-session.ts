import { SHARDS, type Tag } from '@freshet/cache-keys'
import {
  addTransactions,
  entriesOfRotation,
  needsFloor,
  newGeneration,
  openRecord,
  pruneRecord,
  setFloor,
  shardTagText,
  type AppliedWatermark,
  type Moment,
  type RecentRecord,
  type ShardTag,
} from '@freshet/coherence'
import {
  FenceUnavailableError,
  placesOf,
  type AppliedMark,
  type CatalogInForce,
  type Cursor,
  type CursorMove,
  type FenceSession,
  type HotHour,
  type PruneOutcome,
  type ShardFence,
  type TakeFloor,
} from '@freshet/redis'
import { roundTrip, type FakeRedisState } from './fake-redis-state.js'

export class FakeFenceSession implements FenceSession {
  constructor(
    private readonly state: FakeRedisState,
    readonly isOver: () => boolean,
  ) {}

  redisId(): string {
    return this.state.redisId
  }

  async fence(fences: readonly ShardFence[]): Promise<void> {
    for (const { shard, transactions } of fences) this.put(shard, (record) => addTransactions(record, transactions))
    await roundTrip()
    for (const { shard, tags, windowsMs } of fences)
      for (const tag of tags) this.rotate({ shard, tag }, windowsMs?.get(tag))
  }

  async rotateOnly(tags: readonly Tag[]): Promise<void> {
    for (const place of tags.flatMap(placesOf)) this.rotate(place)
  }

  async recover(shards: readonly number[], takeFloor: TakeFloor): Promise<void> {
    await this.setFloors(
      shards.filter((shard) => needsFloor(this.server.records.get(shard))),
      takeFloor,
    )
  }

  async gap(scope: readonly Tag[], takeFloor: TakeFloor): Promise<void> {
    await this.setFloors([...new Set(scope.flatMap(placesOf).map(({ shard }) => shard))], takeFloor)
    await this.rotateOnly(scope)
  }

  async prune(shards: readonly number[] | 'all', watermark: Moment): Promise<PruneOutcome> {
    const outcome: PruneOutcome = { missing: [], busy: [] }
    for (const shard of shards === 'all' ? everyShard : shards) {
      this.put(shard, (record) => pruneRecord(record, watermark))
      const record = this.server.records.get(shard)
      if (record === undefined || needsFloor(record)) outcome.missing.push(shard)
      else if (record.transactions.size > 0 || record.floor !== undefined) outcome.busy.push(shard)
    }
    return outcome
  }

  async cursors(topic: string): Promise<ReadonlyMap<number, Cursor>> {
    return new Map(this.server.cursors.get(topic))
  }

  async arrivedShards(): Promise<readonly number[]> {
    return this.server.arrivedShards
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<void> {
    for (const { topic, partition, cursor } of moves) {
      const cursors = this.server.cursors.get(topic) ?? new Map<number, Cursor>()
      this.server.cursors.set(topic, cursors.set(partition, cursor))
    }
  }

  async appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>> {
    return new Map(this.server.applied)
  }

  async expectApplied(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    const { applied } = this.server
    for (const { topic, partition } of partitions) {
      const place = `${topic}/${partition}`
      if (!applied.has(place)) applied.set(place, undefined)
    }
  }

  async noteApplied(marks: readonly AppliedMark[]): Promise<void> {
    for (const { topic, partition, watermark } of marks) this.server.applied.set(`${topic}/${partition}`, watermark)
  }

  async forgetApplied(places: readonly string[]): Promise<void> {
    for (const place of places) this.server.applied.delete(place)
  }

  async catalogProgress(gapId: string, partition: string): Promise<number> {
    const passed = this.server.progress.get(gapId) ?? new Set<string>()
    this.server.progress.set(gapId, passed.add(partition))
    return passed.size
  }

  async putCatalogInForce(record: CatalogInForce): Promise<void> {
    this.server.catalogs.set(`${record.owner}@${record.version}`, record)
  }

  async catalogsInForce(): Promise<readonly CatalogInForce[]> {
    return [...this.server.catalogs.values()]
  }

  async removeCatalogInForce(owner: string, version: string): Promise<void> {
    this.server.catalogs.delete(`${owner}@${version}`)
  }

  async putHotHour(hour: HotHour): Promise<void> {
    const { hotHours } = this.server
    hotHours.set(hour.hour, hour)
    for (const known of hotHours.keys()) if (known <= hour.hour - 24) hotHours.delete(known)
  }

  async hotHours(): Promise<readonly HotHour[]> {
    return [...this.server.hotHours.values()]
  }

  async evict(keys: readonly string[]): Promise<void> {
    this.server.evicted.push(...keys)
  }

  private rotate(place: ShardTag, windowsMs: readonly number[] = []): void {
    const { generations, windows, clock } = this.server
    const ended = this.server.alive(generations, shardTagText(place)) ?? undefined
    for (const { entry, pxMs } of entriesOfRotation(place.tag, ended, windowsMs))
      windows.set(`${place.shard}/${entry}`, { content: true, expiresAtMs: clock() + pxMs })
    generations.delete(shardTagText(place))
  }

  private async setFloors(shards: readonly number[], takeFloor: TakeFloor): Promise<void> {
    const lives = shards.map((shard) => this.put(shard, (r) => openRecord(r, newGeneration())))
    if (shards.length === 0) return
    const taken = await takeFloor()
    for (const [position, shard] of shards.entries())
      this.put(shard, (record) => setFloor(record, lives[position]?.life ?? '', taken))
  }

  private put(
    shard: number,
    change: (record: RecentRecord | undefined) => RecentRecord | undefined,
  ): RecentRecord | undefined {
    const { records } = this.server
    const record = change(records.get(shard))
    if (record) records.set(shard, record)
    return record
  }

  private get server(): FakeRedisState {
    if (this.isOver()) throw new FenceUnavailableError('command', 'its connection is gone')
    return this.state
  }
}

const everyShard = Array.from({ length: SHARDS }, (_, shard) => shard)
