import { judgeRead, type ShardTag } from '../../src/index.js'
import { Client } from './client.js'
import type { Features, Mishap } from './features.js'
import { everyPlace, namespacePlace, nameOf } from './keys.js'
import { randomFrom } from './random.js'
import type { Node } from './redis.js'
import { service } from './service.js'
import type { Switch } from './switches.js'
import { instances, listener, writer, World, type Step } from './world.js'

/** What a run ended with. */
export interface Outcome {
  readonly seed: number
  /** What was served though something newer had been promised, or can still be served though the database has moved on. */
  readonly violations: readonly string[]
  /** How many values were stored, and what answered. */
  readonly stored: number
  readonly hits: World['hits']
  /** Actor and step, in order; only where it was asked for. */
  readonly trace: readonly string[]
}

interface Actor {
  readonly name: string
  readonly steps: Generator<Step, void>
  /** It is paused before this turn of the run. */
  wakesAt: number
}

const clients = 2

/** One run: everything acts at random, then all is drained, and what can be served must be what the database holds. */
export function run(seed: number, without?: Switch, given?: Partial<Features>, traced = false): Outcome {
  const random = randomFrom(seed)
  const world = new World(random, without, given)
  const { features } = world
  const readers = Array.from(
    { length: clients },
    (_, each) => new Client(world, each < world.catalogs.all.length ? each : 0),
  )
  const trace: string[] = []
  const step = ({ name, steps }: Actor): Step | undefined => {
    const before = world.violations.length
    const { value } = steps.next()
    if (traced) {
      trace.push(`${name}: ${value ?? 'ends'}`)
      trace.push(...world.violations.slice(before).map((found) => `!! ${found}`))
    }
    return value ?? undefined
  }
  const cdc = actor('listener', listener(world))
  const services = Array.from({ length: instances }, (_, each) => actor(`service ${each}`, service(world, each)))
  const acting = [
    ...[0, 1].map((each) => actor(`writer ${each}`, writer(world, features.transactions))),
    ...readers.flatMap((reader, each) =>
      [0, 1].map((flow) => actor(`client ${each}.${flow}`, reader.reads(features.transactions + 1))),
    ),
  ]
  let mishapsLeft = features.endsAfter
  for (let turn = 0; acting.length > 0; turn++) {
    world.now = turn
    const kind = random.below(32)
    const next =
      kind < 12
        ? random.oneOf(acting)
        : kind < 12 + features.serviceShare
          ? random.oneOf(services)
          : kind < 28
            ? cdc
            : undefined
    if (next) {
      if (turn < next.wakesAt) continue
      if (step(next) === undefined) acting.splice(acting.indexOf(next), 1)
      else if (random.onceIn(12)) next.wakesAt = turn + random.below(100)
    } else if (kind < 30) world.standby.replay()
    else random.oneOf(readers).memory.hear(world.kafka.announcements, world.redis.failovers)
    if (random.onceIn(30)) world.database.flush() // the WAL writer
    if (random.onceIn(features.replicationOnceIn)) world.redis.replicate(random.oneOf(world.redis.nodes))
    if (random.onceIn(64)) {
      const before = world.violations.length
      const node = random.oneOf(world.redis.nodes)
      world.redis.supposing(node, random, () => readers[0]?.look())
      if (world.violations.length > before)
        trace.push('-- a failover, supposed', ...world.violations.slice(before).map((found) => `!! ${found}`))
    }
    if (random.onceIn(features.mishapOnceIn)) {
      trace.push(`-- ${mishap(world, services, readers)}`)
      if ((mishapsLeft -= 1) === 0) break
    }
  }
  drain(world, readers, cdc, step)
  return {
    seed,
    violations: [...world.violations, ...staleAtTheEnd(world, readers)],
    stored: world.stored,
    hits: world.hits,
    trace,
  }
}

const actor = (name: string, steps: Generator<Step, void>): Actor => ({ name, steps, wakesAt: 0 })

function mishap(world: World, services: Actor[], readers: readonly Client[]): Mishap {
  const { random, redis, database } = world
  const node = random.oneOf(redis.nodes)
  const failOver = (failing: Node): void => {
    const places = redis.heldBy(failing)
    redis.failOver(failing, random)
    for (const reader of readers) reader.failedOver(places)
  }
  const move = (place: number, to: Node): void => {
    if (redis.move(place, to)) for (const reader of readers) reader.failedOver([place])
  }
  const comeBack = (): { readonly place: number; readonly from: Node } | undefined => {
    const left = redis.nodes.flatMap((to) => [...to.leftovers.keys()].map((place) => ({ place, to })))
    if (left.length === 0) return undefined
    const { place, to } = random.oneOf(left)
    const from = redis.nodeOf(place)
    move(place, to)
    return { place, from }
  }
  const kinds: Record<Mishap, () => void> = {
    eviction: () => redis.evict(random),
    failover: () => failOver(node),
    flush: () => redis.flush(node),
    'Redis restarts empty': () => redis.restartEmpty(node),
    'all of Redis restarts empty': () => {
      for (const each of redis.nodes) redis.restartEmpty(each)
    },
    'a slot moves': () => move(random.oneOf(everyPlace), node),
    'a slot moves, and its former master fails over': () => {
      const place = random.oneOf(everyPlace)
      const former = redis.nodeOf(place)
      move(place, node)
      failOver(former)
    },
    'a slot comes back': () => comeBack(),
    'a slot comes back, and leaves again': () => {
      const came = comeBack()
      if (came) move(came.place, came.from)
    },
    'a master fails over, and all its slots move': () => {
      const places = redis.heldBy(node)
      failOver(node)
      const other = random.oneOf(redis.nodes)
      for (const place of places) move(place, other)
    },
    'Postgres crashes': () => database.crash(),
    'the group is rebalanced': () => (world.rebalances += 1),
    'a service is killed': () => {
      const each = random.below(services.length)
      services[each] = actor(`service ${each}`, service(world, each))
    },
  }
  const kind = random.oneOf(world.features.mishaps)
  kinds[kind]()
  return kind
}

/** All that was committed is published, fenced and heard; only a fresh instance acts. */
function drain(world: World, readers: readonly Client[], cdc: Actor, step: (actor: Actor) => Step | undefined): void {
  const { database, kafka, redis, standby } = world
  database.flush()
  for (let idle = 0; idle < 3;) if (step(cdc) === 'idle') idle += 1
  const last = actor('last service', service(world))
  const isInForce = (): boolean =>
    [...world.accepted].every((catalog) => redis.place(namespacePlace).inForce.has(catalog))
  while (step(last) !== 'idle' || !isInForce());
  while (standby.replay());
  for (const { memory } of readers) while (memory.hear(kafka.announcements, redis.failovers));
}

function staleAtTheEnd({ redis, database, catalogs }: World, readers: readonly Client[]): string[] {
  const stale: string[] = []
  for (const { physical, shard, tags } of catalogs.keys) {
    const stored = redis.place(shard).values.get(physical)
    if (stored) {
      const fetch = (tag: ShardTag) => redis.generation(tag) ?? null
      const named = (stored.header.x ?? []).map(([shard, tag]): ShardTag => ({ shard, tag }))
      const further = new Map(named.map((tag) => [nameOf(tag), fetch(tag)]))
      const isServed = judgeRead(stored.header, tags, { required: tags.map(fetch), further }) === 'fresh'
      if (isServed && differs(stored.value, database.rows))
        stale.push(`L2 keeps ${physical} = ${stored.value.join()}, the database holds ${database.rows.join()}`)
    }
    for (const { memory } of readers) {
      const held = memory.get(physical)
      if (held && differs(held.value, database.rows))
        stale.push(`L1 keeps ${physical} = ${held.value.join()}, the database holds ${database.rows.join()}`)
    }
  }
  return stale
}

const differs = (value: readonly (number | undefined)[], rows: readonly number[]): boolean =>
  value.some((version, row) => version !== undefined && version !== rows[row])
