import { xid } from '@freshet/pgoutput'
import {
  addTransactions,
  needsFloor,
  openRecord,
  pruneRecord,
  setFloor,
  type AppliedWatermark,
  type RecentTransaction,
  type Snapshot,
} from '../../src/index.js'
import type { Change, KafkaRecord } from './kafka.js'
import { calmRecord, shardCount, tagsOfFence, templateTag } from './redis.js'
import type { Step, World } from './world.js'

class SessionOver extends Error {}

/**
 * One instance of the service, step by step as apps/invalidation-service and libs/redis take them; others act between any
 * two. It may be killed at any step.
 */
export function* service(world: World): Generator<Step, void> {
  const { redis, kafka, without } = world
  let connection = redis.connection
  let position: number | undefined
  /** R13: whatever is done goes through the connection that the cursor was read on. */
  const command = (): void => {
    if (connection !== redis.connection && without !== 'R13') throw new SessionOver()
  }
  for (;;) {
    try {
      if (position === undefined || (connection !== redis.connection && without !== 'R13')) {
        connection = redis.connection
        yield 'session'
        position = yield* findPlace(world, command)
      }
      if (world.random.onceIn(12)) yield* sweep(world, command)
      const records = kafka.records.slice(position, position + 1 + world.random.below(4))
      if (records.length === 0) {
        yield 'idle'
        continue
      }
      yield* apply(world, command, records)
      if (without !== 'R7' || world.random.onceIn(2)) command()
      position += records.length
      redis.content.cursor = position // R7: last
      yield 'cursor'
      yield* noteWatermark(world, command, records)
    } catch (error) {
      if (!(error instanceof SessionOver)) throw error
      position = undefined
    }
  }
}

/** A missing cursor is a gap: the log's end is read first, then the gap is applied, and reading goes on there (R9). */
function* findPlace(world: World, command: () => void): Generator<Step, number> {
  const { redis, kafka } = world
  command()
  const { cursor } = redis.content
  yield 'cursor read'
  if (cursor !== undefined) return cursor
  const end = kafka.records.length
  yield 'log end read'
  yield* gap(world, command)
  command()
  redis.content.cursor = end
  yield 'cursor'
  return end
}

function* apply(world: World, command: () => void, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { redis, kafka, without } = world
  const { failovers } = redis // what is fenced on a Redis that is lost before it is announced has to be fenced again
  const changes = records.filter((record): record is Change => record.kind === 'change')
  const add = function* (): Generator<Step, void> {
    for (let shard = 0; shard < shardCount; shard++) {
      const added = changes.flatMap((change): RecentTransaction[] =>
        tagsOf(change).some(([place]) => place === shard) ? [{ xid: change.xid, lsn: change.lsn }] : [],
      )
      if (added.length === 0) continue
      command()
      const record = redis.content.records[shard] ?? (without === 'R6' ? calmRecord(redis.newName()) : undefined)
      redis.content.records[shard] = addTransactions(record, added)
      yield 'transactions added'
    }
  }
  const rotate = function* (): Generator<Step, void> {
    for (const change of changes) {
      const places = tagsOf(change)
      for (const [at, [shard, tag]] of places.entries()) {
        command()
        redis.rotate(shard, tag)
        if (at === places.length - 1) redis.promise(change.row, change.version)
        yield 'rotated'
      }
    }
  }
  if (without === 'R7') {
    yield* rotate()
    yield* add()
  } else {
    yield* add()
    yield* rotate() // only once all stand
  }
  if (changes.length > 0) {
    kafka.announce({ what: changes, failovers })
    yield 'announced'
  }
  for (const record of records) {
    if (record.kind !== 'in-force') continue
    yield* gap(world, command)
    command()
    redis.content.inForce = true
    yield 'in force'
  }
}

const tagsOf = ({ row, wholeTemplate }: Change): ReturnType<typeof tagsOfFence> => tagsOfFence(row, wholeTemplate)

/** A gap over everything (R9): a floor in each shard, then the rotations. */
function* gap(world: World, command: () => void): Generator<Step, void> {
  const { redis, kafka, without } = world
  if (without !== 'R9') yield* setFloors(world, command, everyShard, true)
  for (const shard of everyShard) {
    command()
    redis.rotate(shard, templateTag)
    yield 'rotated'
  }
  kafka.announce({ what: 'all', failovers: redis.failovers })
  yield 'announced'
}

/** R6: placeholders, THEN a fresh floor, THEN the floors. */
function* setFloors(
  world: World,
  command: () => void,
  shards: readonly number[],
  alsoHeld: boolean,
): Generator<Step, void> {
  const { redis, database } = world
  const lives = new Map<number, string>()
  for (const shard of shards) {
    command()
    const record = redis.content.records[shard]
    const opened = openRecord(record, redis.newName())
    redis.content.records[shard] = opened
    if (alsoHeld || needsFloor(record)) lives.set(shard, opened.life)
    yield 'record opened'
  }
  const taken = database.takeFloor()
  yield 'floor taken'
  for (const [shard, life] of lives) {
    command()
    redis.content.records[shard] = setFloor(redis.content.records[shard], life, taken)
    yield 'floor set'
  }
}

function* noteWatermark(world: World, command: () => void, records: readonly KafkaRecord[]): Generator<Step, void> {
  const { redis, kafka, without } = world
  const mark = records.findLast((record) => record.kind === 'watermark')
  if (mark?.kind !== 'watermark') return
  command()
  const watermark = { ...mark.moment, ...history, databaseTimeMs: 0 }
  redis.content.applied = watermark
  const { connection, failovers } = redis
  yield 'watermark noted'
  kafka.announce({ what: { watermark, redis: connection }, failovers })
  world.latest = mark.moment
  yield* prune(world, command, without === 'R8')
}

export const history = { systemId: 's', timeline: 1 } as const satisfies Partial<AppliedWatermark>

function* prune(world: World, command: () => void, carelessly: boolean): Generator<Step, void> {
  const { redis, latest } = world
  if (latest === undefined) return
  const moment = carelessly ? { ...latest, snapshot: everythingVisible } : latest
  for (const shard of everyShard) {
    command()
    redis.content.records[shard] = pruneRecord(redis.content.records[shard], moment)
    yield 'pruned'
  }
}

/** Each second: what is missing comes back behind a floor (R6), and a catalog that Redis lost behind a gap (R9). */
function* sweep(world: World, command: () => void): Generator<Step, void> {
  const { redis, accepted } = world
  command()
  if (accepted && !redis.content.inForce) {
    yield* gap(world, command)
    command()
    redis.content.inForce = true
    yield 'in force again'
  }
  if (world.latest === undefined) return
  yield* prune(world, command, false)
  const missing = everyShard.filter((shard) => needsFloor(world.redis.content.records[shard]))
  if (missing.length > 0) yield* setFloors(world, command, missing, false)
}

const everythingVisible: Snapshot = { xmin: xid(1_000n), xmax: xid(1_000n), running: [] }
const everyShard = Array.from({ length: shardCount }, (_, shard) => shard)
