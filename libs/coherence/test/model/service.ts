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
  type Snapshot,
} from '../../src/index.js'
import type { Change, KafkaRecord } from './kafka.js'
import { everyShard, namespacePlace, shardOf, tagsOfFence, templateTags } from './keys.js'
import { ledgerOf, type Ledger } from './ledger.js'
import { calmRecord, type Cursors } from './place.js'
import { Session, SessionOver } from './session.js'
import type { Step, World } from './world.js'

/** What one session does, and where it stands by partition. */
interface Work {
  readonly world: World
  readonly session: Session
  readonly ledger: Ledger
  readonly positions: number[]
}

/**
 * One instance of the service, step by step as apps/invalidation-service and libs/redis take them; others act between any
 * two. It may be killed at any step.
 */
export function* service(world: World): Generator<Step, void> {
  const { kafka, random, without } = world
  let work: Work | undefined
  for (;;) {
    try {
      if (work?.session.isOver && random.onceIn(2) && without !== 'R13') work = undefined
      work ??= yield* begin(world)
      if (random.onceIn(8)) yield* sweep(work)
      const { positions } = work
      const waiting = kafka.logs.flatMap((log, each) => ((positions[each] ?? 0) < log.length ? [each] : []))
      if (waiting.length === 0) {
        yield 'idle'
        continue
      }
      const partition = random.oneOf(waiting)
      const from = positions[partition] ?? 0
      yield* handle(work, partition, kafka.log(partition).slice(from, from + 1 + random.below(4)))
    } catch (error) {
      if (!(error instanceof SessionOver)) throw error
      work = undefined
    }
  }
}

function* begin(world: World): Generator<Step, Work> {
  const session = new Session(world)
  yield 'session'
  const ledger = ledgerOf(world, session)
  const cursors = yield* ledger.cursors()
  const work = { world, session, ledger, positions: [] }
  return { ...work, positions: yield* findPlaces(work, cursors) }
}

/** A missing cursor is a gap: the log's end is read first, then the gap is applied, and reading goes on there (R9). */
function* findPlaces(work: Work, cursors: Cursors): Generator<Step, number[]> {
  const { kafka } = work.world
  if (kafka.logs.every((_, partition) => cursors[partition] !== undefined)) return cursors.map((cursor) => cursor ?? 0)
  const ends = kafka.logs.map((log, partition) => (cursors[partition] === undefined ? log.length : undefined))
  yield 'log ends read'
  yield* gap(work)
  yield* work.ledger.moveCursors(ends)
  return kafka.logs.map((_, partition) => cursors[partition] ?? ends[partition] ?? 0)
}

/** One batch: R7, each step behind the reply of the one before. */
function* handle(work: Work, partition: number, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { positions, ledger } = work
  yield* apply(work, records)
  const position = (positions[partition] ?? 0) + records.length
  const moves: (number | undefined)[] = []
  moves[partition] = position
  yield* ledger.moveCursors(moves) // R7: last
  positions[partition] = position
  yield* noteWatermark(work, partition, records)
}

function* apply(work: Work, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { world, session } = work
  const { redis, kafka, without } = world
  const failovers = [...redis.failovers] // what is fenced on a Redis that is lost before it is announced has to be fenced again
  const changes = records.filter((record): record is Change => record.kind === 'change')
  if (changes.length > 0) {
    if (without === 'R7') {
      yield* rotate(work, changes)
      yield* add(work, changes)
    } else {
      yield* add(work, changes)
      yield* rotate(work, changes) // only once all stand
    }
    kafka.announce({ what: changes, failovers })
    yield 'announced'
  }
  for (const record of records) {
    if (record.kind !== 'in-force') continue
    yield* gap(work)
    session.at(namespacePlace).inForce = true
    yield 'in force'
  }
}

function* add({ world, session }: Work, changes: readonly Change[]): Generator<Step, void> {
  const { redis, without } = world
  for (const shard of everyShard) {
    const added: RecentTransaction[] = []
    for (const change of changes)
      if (tagsOf(change).some((tag) => tag.shard === shard)) added.push({ xid: change.xid, lsn: change.lsn })
    if (added.length === 0) continue
    const place = session.at(shard)
    const record = place.record ?? (without === 'R6' ? calmRecord(redis.newName()) : undefined)
    place.record = addTransactions(record, added)
    yield 'transactions added'
  }
}

function* rotate({ world, session }: Work, changes: readonly Change[]): Generator<Step, void> {
  for (const change of changes)
    for (const { shard, tag } of tagsOf(change)) {
      session.at(shard).generations.delete(tag)
      if (shard === shardOf(change.row)) world.redis.promise(change.row, change.version)
      yield 'rotated'
    }
}

const tagsOf = ({ row, wholeTemplate }: Change): ReturnType<typeof tagsOfFence> => tagsOfFence(row, wholeTemplate)

/** A gap over everything (R9): a floor in each shard, then the rotations. */
function* gap(work: Work): Generator<Step, void> {
  const { world, session } = work
  if (world.without !== 'R9') yield* setFloors(work, everyShard, true)
  for (const { shard, tag } of templateTags) {
    session.at(shard).generations.delete(tag)
    yield 'rotated'
  }
  world.kafka.announce({ what: 'all', failovers: [...world.redis.failovers] })
  yield 'announced'
}

/** R6: placeholders, THEN a fresh floor, THEN the floors. */
function* setFloors({ world, session }: Work, shards: readonly number[], alsoHeld: boolean): Generator<Step, void> {
  const lives = new Map<number, string>()
  for (const shard of shards) {
    const place = session.at(shard)
    const opened = openRecord(place.record, world.redis.newName())
    if (alsoHeld || needsFloor(place.record)) lives.set(shard, opened.life)
    place.record = opened
    yield 'record opened'
  }
  const taken = world.database.takeFloor()
  yield 'floor taken'
  for (const [shard, life] of lives) {
    const place = session.at(shard)
    place.record = setFloor(place.record, life, taken)
    yield 'floor set'
  }
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
  const { inForce } = session.at(namespacePlace)
  yield 'catalogs in force read'
  if (world.accepted && !inForce) {
    yield* gap(work)
    session.at(namespacePlace).inForce = true
    yield 'in force again'
  }
  if (world.latest === undefined) return
  yield* prune(work, world.latest)
  const missing = everyShard.filter((shard) => needsFloor(session.at(shard).record))
  if (missing.length > 0) yield* setFloors(work, missing, false)
}

const everythingVisible: Snapshot = { xmin: xid(1_000n), xmax: xid(1_000n), running: [] }
