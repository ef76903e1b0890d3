import { xid } from '@freshet/pgoutput'
import {
  addTransactions,
  needsFloor,
  openRecord,
  pruneRecord,
  setFloor,
  type AppliedWatermark,
  type Moment,
  type RecentTransaction,
  type Rotation,
  type Snapshot,
} from '../../src/index.js'
import type { Change, InForce, KafkaRecord } from './kafka.js'
import { everyShard, namespacePlace, rowCount, type PlannedTag } from './keys.js'
import { ledgerOf, type Ledger } from './ledger.js'
import { calmRecord, type Cursors, type Versions } from './place.js'
import { Session, SessionOver } from './session.js'
import { rotateTag } from './window.js'
import { instances, type Step, type World } from './world.js'

/** What one session does, and where it stands by partition. */
interface Work {
  readonly world: World
  readonly session: Session
  readonly ledger: Ledger
  readonly positions: number[]
  readonly rebalances: number
  /** By partition: where its log ended after the session had begun. */
  readonly ends: readonly number[]
  /** The catalogs that this instance plans with. */
  readonly known: Set<number>
}

/**
 * One instance of the service, step by step as apps/invalidation-service and libs/redis take them; others act between any
 * two. It may be killed at any step. Without a number it has all partitions.
 */
export function* service(world: World, instance?: number): Generator<Step, void> {
  const { kafka, random, without } = world
  const known = new Set(world.registered) // `catalogs.v1` is read whole, then followed
  let work: Work | undefined
  for (;;) {
    try {
      if (work?.session.isOver && random.onceIn(2) && without !== 'R13') work = undefined
      if (work && work.rebalances !== world.rebalances) work = undefined // positions are asked for anew
      work ??= yield* begin(world, known)
      const now: Work = work
      if (random.onceIn(32)) catchUp(now)
      if (random.onceIn(8)) yield* sweep(now)
      const { positions } = now
      const waiting = kafka.logs.flatMap((log, each) =>
        isMine(now, instance, each) && (positions[each] ?? 0) < log.length ? [each] : [],
      )
      if (waiting.length === 0) {
        yield 'idle'
        continue
      }
      const partition = random.oneOf(waiting)
      const from = positions[partition] ?? 0
      yield* handle(now, partition, kafka.log(partition).slice(from, from + 1 + random.below(4)))
    } catch (error) {
      if (!(error instanceof SessionOver)) throw error
      work = undefined
    }
  }
}

const isMine = ({ world, rebalances }: Work, instance: number | undefined, partition: number): boolean =>
  instance === undefined || !world.features.isAssigned || (partition + rebalances) % instances === instance

function* begin(world: World, known: Set<number>): Generator<Step, Work> {
  const session = new Session(world)
  yield 'session'
  const ledger = ledgerOf(world, session)
  const cursors = yield* ledger.cursors()
  const ends = world.kafka.logs.map(({ length }) => length)
  yield 'log ends read'
  const work = { world, session, ledger, known, ends, rebalances: world.rebalances, positions: [] }
  return { ...work, positions: yield* findPlaces(work, cursors) }
}

/** A missing cursor is a gap: the log's end is read first, then the gap is applied, and reading goes on there (R9). */
function* findPlaces(work: Work, cursors: Cursors): Generator<Step, number[]> {
  const { kafka, without } = work.world
  const ends = work.ends.map((end, partition) => (cursors[partition] === undefined ? end : undefined))
  // whatever stands before came into force, or was told to, is known from here on
  if (without !== 'a place is taken over with the catalogs that were known') catchUp(work)
  const arrived = yield* work.ledger.arrived()
  if (arrived.length > 0) yield* gap(work, work.known, arrived)
  if (kafka.logs.every((_, partition) => cursors[partition] !== undefined)) return cursors.map((cursor) => cursor ?? 0)
  yield* gap(work, work.known)
  yield* work.ledger.moveCursors(ends)
  return kafka.logs.map((_, partition) => cursors[partition] ?? ends[partition] ?? 0)
}

function catchUp({ world, known }: Work): void {
  for (const catalog of world.registered) known.add(catalog)
}

/** One batch: R7, each step behind the reply of the one before. */
function* handle(work: Work, partition: number, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { positions, ledger } = work
  yield* apply(work, partition, records)
  const position = (positions[partition] ?? 0) + records.length
  const moves: (number | undefined)[] = []
  moves[partition] = position
  yield* ledger.moveCursors(moves) // R7: last
  positions[partition] = position
  yield* noteWatermark(work, partition, records)
}

function* apply(work: Work, partition: number, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { world, known } = work
  const { redis, kafka, without } = world
  // before anything behind the record is planned
  for (const record of records) if (record.kind === 'in-force') known.add(record.catalog)
  const failovers = [...redis.failovers] // what is fenced on a Redis that is lost before it is announced has to be fenced again
  const changes = records.filter((record): record is Change => record.kind === 'change')
  const isRepeat = (record: KafkaRecord): boolean => kafka.log(partition).indexOf(record) < (work.ends[partition] ?? 0)
  const planned = changes.flatMap((change): Planned[] => {
    const tags = world.catalogs.tagsOfChange(change.row, change.wholeTemplate, known)
    if (tags.length === 0) return []
    const cause = change.wholeTemplate ? 'template' : 'change'
    return [{ change, tags, rotation: { cause, isRepeat: world.features.windows.length > 0 && isRepeat(change) } }]
  })
  if (planned.length > 0) {
    if (without === 'R7') {
      yield* rotate(work, planned)
      yield* add(work, planned)
    } else {
      yield* add(work, planned)
      yield* rotate(work, planned) // only once all stand
    }
    const tags = planned.flatMap((each) => each.tags)
    const promises = planned.flatMap(({ change, tags }) =>
      tags.flatMap((tag) => tag.promises.map((promise) => [promise, change.version] as const)),
    )
    kafka.announce({ what: { tags, promises }, failovers })
    yield 'announced'
  }
  for (const record of records) if (record.kind === 'in-force') yield* pass(work, partition, record)
}

/** A change, and what it fences by the catalogs that this instance knows. */
interface Planned {
  readonly change: Change
  readonly tags: readonly PlannedTag[]
  readonly rotation: Rotation
}

function* add({ world, session }: Work, planned: readonly Planned[]): Generator<Step, void> {
  const { redis, without } = world
  for (const shard of everyShard) {
    const added: RecentTransaction[] = []
    for (const { change, tags } of planned)
      if (tags.some((tag) => tag.shard === shard)) added.push({ xid: change.xid, lsn: change.lsn })
    if (added.length === 0) continue
    const place = session.at(shard)
    const record = place.record ?? (without === 'R6' ? calmRecord(redis.newName()) : undefined)
    place.record = addTransactions(record, added)
    yield 'transactions added'
  }
}

function* rotate({ world, session }: Work, planned: readonly Planned[]): Generator<Step, void> {
  for (const { change, tags, rotation } of planned)
    for (const place of tags) {
      const { shard, promises } = place
      yield* rotateTag(world, () => session.at(shard), place, rotation)
      for (const promise of promises) world.redis.promise(promise, change.version)
      yield 'rotated'
    }
}

/** One partition has come to the record; the last of them brings the catalog into force. */
function* pass(work: Work, partition: number, { catalog, announcement }: InForce): Generator<Step, void> {
  const { world, session } = work
  const { passed } = session.at(namespacePlace)
  const before = new Set(passed.get(announcement)).add(partition)
  passed.set(announcement, before)
  yield 'passed'
  const isFirstEnough = world.without === 'in force once one partition has come to it'
  if (before.size === world.kafka.logs.length || isFirstEnough) yield* enter(work, catalog)
}

function* enter(work: Work, catalog: number): Generator<Step, void> {
  if (work.world.without !== 'a catalog comes into force without a gap') yield* gap(work, [catalog])
  work.session.at(namespacePlace).inForce.add(catalog)
  yield 'in force'
}

/** A gap over these catalogs' templates (R9), in all shards or some: a floor in each, then the rotations. */
function* gap(work: Work, catalogs: Iterable<number>, shards = everyShard): Generator<Step, void> {
  const { world, session } = work
  const failovers = [...world.redis.failovers]
  const tags = world.catalogs.templateTags(catalogs).filter(({ shard }) => shards.includes(shard))
  // the floor lets nothing be stored any more that does not show what is there when it is taken
  const seen = world.without === 'R9' ? undefined : yield* setFloors(work, shards, true)
  for (const { shard, tag, promises } of tags) {
    yield* rotateTag(world, () => session.at(shard), { shard, tag }, { cause: 'gap', isRepeat: false })
    if (seen) for (const promise of promises) world.redis.promise(promise, seen[promise % rowCount] ?? 0)
    yield 'rotated'
  }
  const promises = tags.flatMap((tag) =>
    tag.promises.map((promise) => [promise, seen?.[promise % rowCount] ?? 0] as const),
  )
  world.kafka.announce({ what: { tags, promises }, failovers })
  yield 'announced'
}

/** R6: placeholders, THEN a fresh floor, THEN the floors. */
function* setFloors({ world, session }: Work, shards: readonly number[], alsoHeld: boolean): Generator<Step, Versions> {
  const lives = new Map<number, string>()
  for (const shard of shards) {
    const place = session.at(shard)
    const opened = openRecord(place.record, world.redis.newName())
    if (alsoHeld || needsFloor(place.record)) lives.set(shard, opened.life)
    place.record = opened
    yield 'record opened'
  }
  const taken = world.database.takeFloor()
  const seen = [...world.database.rows]
  yield 'floor taken'
  for (const [shard, life] of lives) {
    const place = session.at(shard)
    place.record = setFloor(place.record, life, taken)
    yield 'floor set'
  }
  return seen
}

function* noteWatermark(work: Work, partition: number, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { world, session, ledger } = work
  const mark = records.findLast((record) => record.kind === 'watermark')
  if (mark?.kind !== 'watermark') return
  const failovers = [...world.redis.failovers]
  yield* ledger.note(partition, { ...mark.moment, ...history, databaseTimeMs: 0 })
  const least = yield* ledger.least()
  if (least) world.kafka.announce({ what: { watermark: least, redis: session.redisId }, failovers })
  world.latest = mark.moment
  yield* prune(work, mark.moment)
}

export const history = { systemId: 's', timeline: 1 } as const satisfies Partial<AppliedWatermark>

function* prune({ world, session }: Work, latest: Moment): Generator<Step, void> {
  const moment = world.without === 'R8' ? { ...latest, snapshot: everythingVisible } : latest
  for (const shard of everyShard) {
    const place = session.at(shard)
    place.record = pruneRecord(place.record, moment)
    yield 'pruned'
  }
}

/** Each second: what is missing comes back behind a floor (R6), and a catalog that Redis lost behind a gap (R9). */
function* sweep(work: Work): Generator<Step, void> {
  const { world, session } = work
  const inForce = new Set(session.at(namespacePlace).inForce)
  yield 'catalogs in force read'
  for (const catalog of world.accepted)
    if (!inForce.has(catalog) && work.known.has(catalog)) yield* enter(work, catalog)
  if (world.latest === undefined) return
  yield* prune(work, world.latest)
  const missing = everyShard.filter((shard) => needsFloor(session.at(shard).record))
  if (missing.length > 0) yield* setFloors(work, missing, false)
}

const everythingVisible: Snapshot = { xmin: xid(1_000n), xmax: xid(1_000n), running: [] }
