import type { Tag } from '@freshet/cache-keys'
import { newGeneration, type AppliedWatermark, type Moment } from '@freshet/coherence'
import { call, type Command } from './connection.js'
import type {
  AppliedMark,
  CatalogInForce,
  Cursor,
  CursorMove,
  FenceSession,
  HotHour,
  PruneOutcome,
  ShardFence,
  TakeFloor,
} from './fence-store.js'
import { HomeLedger } from './home-ledger.js'
import type { Keys, Place } from './keys.js'
import { NamespaceLedger, type Ledger } from './ledger.js'
import type { ReplicaWait } from './port.js'
import { rotation, type Rotated } from './rotation.js'
import { addTransactionsScript, openRecordScript, pruneScript, setFloorScript } from './scripts.js'
import { placesOf } from './shard-fences.js'
import { formatCatalog, formatHotHour, parseCatalog, parseHotHour } from './state-codec.js'
import { hashReply, numberReply, textsReply } from './replies.js'
import { everyShard, send, stands, type Addressed, type Nodes, type Topology } from './topology.js'
import { FenceUnavailableError, ReplicasBehindError } from './unavailable.js'

const HOUR_MS = 3_600_000
const HOURS_KEPT = 24
const PROGRESS_TTL_MS = 7 * 24 * 3_600_000 // as long as the topics keep the record it belongs to

/**
 * A session of the fence store over one connection to each master.
 *
 *   open --an error, a connection is lost, or a place is held by another--> over, for good
 */
export class RedisFenceSession implements FenceSession {
  private overBecause: string | undefined
  private readonly topology: Topology
  private readonly ledger: Ledger

  /** Begins on the present topology, which must be whole. */
  constructor(
    private readonly nodes: Nodes,
    private readonly keys: Keys,
    private readonly wait: ReplicaWait | undefined,
  ) {
    this.topology = nodes.topology
    const ledger = this.topology.isCluster ? HomeLedger : NamespaceLedger
    this.ledger = new ledger(this.topology, keys, (operation, commands) => this.run(operation, commands))
  }

  isOver(): boolean {
    return this.overBecause !== undefined || this.nodes.topology !== this.topology || !stands(this.topology)
  }

  redisId(): string | undefined {
    return this.isOver() ? undefined : this.topology.redisId
  }

  async fence(fences: readonly ShardFence[]): Promise<void> {
    await this.run('add transactions', fences.filter(({ transactions }) => transactions.length > 0).map(this.addition))
    await this.rotate(fences.flatMap(rotatedIn)) // R7: only once all stand
    await this.replicated(fences.map(({ shard }) => shard))
  }

  async rotateOnly(tags: readonly Tag[]): Promise<void> {
    const places = tags.flatMap(placesOf)
    await this.rotate(places)
    await this.replicated(places.map(({ shard }) => shard))
  }

  async recover(shards: readonly number[], takeFloor: TakeFloor): Promise<void> {
    const opened = await this.openRecords(shards)
    await this.setFloors(
      opened.filter(({ placeholder }) => placeholder),
      takeFloor,
    )
    await this.replicated(shards)
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
      asked.map((shard) => this.at(shard, call(pruneScript, this.keys.recent(shard), ...moment))),
    )
    const held = asked.map((shard, position) => ({ shard, holds: numberReply(replies[position]) }))
    return {
      missing: held.filter(({ holds }) => holds < 0).map(({ shard }) => shard),
      busy: held.filter(({ holds }) => holds > 0).map(({ shard }) => shard),
    }
  }

  cursors(topic: string): Promise<ReadonlyMap<number, Cursor>> {
    return this.ledger.cursors(topic)
  }

  arrivedShards(): Promise<readonly number[]> {
    return this.ledger.arrivedShards()
  }

  moveCursors(moves: readonly CursorMove[]): Promise<void> {
    return this.ledger.moveCursors(moves)
  }

  appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>> {
    return this.ledger.appliedWatermarks()
  }

  expectApplied(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    return this.ledger.expectApplied(partitions)
  }

  noteApplied(marks: readonly AppliedMark[]): Promise<void> {
    return this.ledger.noteApplied(marks)
  }

  forgetApplied(places: readonly string[]): Promise<void> {
    return this.ledger.forgetApplied(places)
  }

  async catalogProgress(gapId: string, partition: string): Promise<number> {
    const key = this.keys.gapProgress(gapId)
    const commands: Command[] = [
      ['sadd', key, partition],
      ['pexpire', key, PROGRESS_TTL_MS],
      ['scard', key],
    ]
    const [, , count] = await this.run('note progress', commands.map(this.ofNamespace))
    return numberReply(count)
  }

  async putCatalogInForce(record: CatalogInForce): Promise<void> {
    const field = catalogField(record.owner, record.version)
    const put: Command = ['hset', this.keys.catalogs, field, formatCatalog(record)]
    await this.run('put catalog in force', [this.ofNamespace(put)])
  }

  async catalogsInForce(): Promise<readonly CatalogInForce[]> {
    const [fields] = await this.run('read catalogs in force', [this.ofNamespace(['hgetall', this.keys.catalogs])])
    return Object.values(hashReply(fields)).flatMap((text) => parseCatalog(text) ?? [])
  }

  async removeCatalogInForce(owner: string, version: string): Promise<void> {
    const remove: Command = ['hdel', this.keys.catalogs, catalogField(owner, version)]
    await this.run('remove catalog', [this.ofNamespace(remove)])
  }

  async putHotHour(hour: HotHour): Promise<void> {
    const key = this.keys.hotHours
    const over = Array.from({ length: HOURS_KEPT }, (_, ago) => String(hour.hour - HOURS_KEPT - ago))
    const commands: Command[] = [
      ['hset', key, String(hour.hour), formatHotHour(hour)],
      ['hdel', key, ...over],
      ['pexpire', key, HOURS_KEPT * HOUR_MS],
    ]
    await this.run('put hot keys', commands.map(this.ofNamespace))
  }

  async hotHours(): Promise<readonly HotHour[]> {
    const [fields] = await this.run('read hot keys', [this.ofNamespace(['hgetall', this.keys.hotHours])])
    return Object.entries(hashReply(fields)).flatMap(([hour, text]) => parseHotHour(hour, text) ?? [])
  }

  async evict(keys: readonly string[]): Promise<void> {
    await this.run(
      'evict',
      keys.flatMap((key) => {
        const master = this.topology.masterOfKey(key)
        return master ? [{ master, command: ['del', key] }] : []
      }),
    )
  }

  private readonly addition = ({ shard, transactions }: ShardFence): Addressed => {
    const parameters = transactions.flatMap(({ xid, lsn }) => [`${xid}`, `${lsn}`])
    return this.at(shard, call(addTransactionsScript, this.keys.recent(shard), ...parameters))
  }

  /** The next generation is random, so that deleting is enough, and nothing is written for tags that nobody caches. */
  private async rotate(rotated: readonly Rotated[]): Promise<void> {
    await this.run('rotate', rotation(this.keys, this.topology, rotated))
  }

  /** R6, first step; in R9 also for records that exist, to learn which life the floor will be for. */
  private async openRecords(shards: readonly number[]): Promise<OpenedRecord[]> {
    const replies = await this.run(
      'open recent records',
      shards.map((shard) => this.at(shard, call(openRecordScript, this.keys.recent(shard), newGeneration()))),
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
      opened.map(({ shard, life }) =>
        this.at(shard, call(setFloorScript, this.keys.recent(shard), life, `${floor}`, `${pruned}`)),
      ),
    )
  }

  /** On their way to the replicas nothing can be lost that is published next (G1). */
  private async replicated(shards: readonly number[]): Promise<void> {
    if (this.wait === undefined || shards.length === 0) return
    const { replicas, timeoutMs } = this.wait
    const masters = [...new Set(shards.map((shard) => this.topology.masterOf(shard)))]
    const counts = await this.run(
      'wait for replicas',
      masters.map((master) => ({ master, command: ['wait', replicas, timeoutMs] })),
    )
    const fewest = Math.min(...counts.map(numberReply))
    if (fewest >= replicas) return
    const error = new ReplicasBehindError(fewest, replicas, timeoutMs)
    this.overBecause = error.reason
    throw error
  }

  private at(place: Place, command: Command): Addressed {
    return { master: this.topology.masterOf(place), command }
  }

  private readonly ofNamespace = (command: Command): Addressed => this.at('namespace', command)

  private async run(operation: string, commands: readonly Addressed[]): Promise<unknown[]> {
    if (this.isOver()) throw new FenceUnavailableError(operation, this.overBecause ?? 'its connection is gone')
    try {
      return await send(commands)
    } catch (cause) {
      this.nodes.failed(cause)
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

const rotatedIn = ({ shard, tags, windowsMs }: ShardFence): Rotated[] =>
  tags.map((tag) => ({ shard, tag, windowsMs: windowsMs?.get(tag) }))

export const catalogField = (owner: string, version: string): string => `${owner}@${version}`
