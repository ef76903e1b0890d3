import { judgeRead } from '../../src/index.js'
import { Client, everyKey, ownTags } from './client.js'
import { randomFrom } from './random.js'
import type { Rule } from './rules.js'
import { service } from './service.js'
import { listener, writer, World, type Step } from './world.js'

/** What a run ended with. */
export interface Outcome {
  readonly seed: number
  /** What was served though something newer had been promised, or can still be served though the database has moved on. */
  readonly violations: readonly string[]
  /** How many values were stored, and what answered. */
  readonly stored: number
  readonly hits: Readonly<Record<'l1' | 'l2' | 'joined' | 'token' | 'standby', number>>
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
const services = 2

/** One run: everything acts at random, then all is drained, and what can be served must be what the database holds. */
export function run(seed: number, without?: Rule, traced = false): Outcome {
  const random = randomFrom(seed)
  const world = new World(random, without)
  const readers = Array.from({ length: clients }, () => new Client(world))
  const trace: string[] = []
  const step = ({ name, steps }: Actor): Step | undefined => {
    const before = world.violations.length
    const { value } = steps.next()
    if (traced)
      trace.push(`${name}: ${value ?? 'ends'}`, ...world.violations.slice(before).map((found) => `!! ${found}`))
    return value ?? undefined
  }
  const cdc = actor('listener', listener(world))
  const instances = Array.from({ length: services }, (_, each) => actor(`service ${each}`, service(world)))
  const acting = [
    ...[0, 1].map((each) => actor(`writer ${each}`, writer(world, 3))),
    ...readers.flatMap((reader, each) => [0, 1].map((flow) => actor(`client ${each}.${flow}`, reader.reads(4)))),
  ]
  for (let turn = 0; acting.length > 0; turn++) {
    const kind = random.below(32)
    const next = kind < 14 ? random.oneOf(acting) : kind < 22 ? random.oneOf(instances) : kind < 27 ? cdc : undefined
    if (next) {
      if (turn < next.wakesAt) continue
      if (step(next) === undefined) acting.splice(acting.indexOf(next), 1)
      else if (random.onceIn(12)) next.wakesAt = turn + random.below(100)
    } else if (kind < 29) world.standby.replay()
    else if (kind < 31) random.oneOf(readers).memory.hear(world.kafka.announcements, world.redis.failovers)
    else if (random.onceIn(3)) mishap(world, instances, readers, traced ? trace : undefined)
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

function mishap(world: World, instances: Actor[], readers: readonly Client[], trace: string[] | undefined): void {
  const { random, redis, database } = world
  const kinds = {
    eviction: () => redis.evict(random.below(100)),
    replication: () => redis.replicate(),
    failover: () => {
      redis.failOver()
      for (const { memory } of readers) memory.failedOver()
    },
    flush: () => redis.flush(),
    'Redis restarts empty': () => redis.restartEmpty(),
    'Postgres crashes': () => database.crash(),
    'a service is killed': () => {
      const each = random.below(instances.length)
      instances[each] = actor(`service ${each}`, service(world))
    },
  }
  const weighted = [
    'eviction',
    'eviction',
    'eviction',
    'replication',
    'replication',
    'failover',
    'flush',
    'Redis restarts empty',
    'Postgres crashes',
    'a service is killed',
  ] as const
  const kind = random.oneOf(weighted)
  trace?.push(`-- ${kind}`)
  kinds[kind]()
}

/** All that was committed is published, fenced and heard; only a fresh instance acts. */
function drain(world: World, readers: readonly Client[], cdc: Actor, step: (actor: Actor) => Step | undefined): void {
  const { database, kafka, redis, standby } = world
  database.flush()
  for (let idle = 0; idle < 3;) if (step(cdc) === 'idle') idle += 1
  const last = actor('last service', service(world))
  const isDrained = (): boolean =>
    redis.content.cursor === kafka.records.length && redis.content.inForce === world.accepted
  while (step(last) !== 'idle' || !isDrained());
  while (standby.replay());
  for (const { memory } of readers) while (memory.hear(kafka.announcements, redis.failovers));
}

function staleAtTheEnd({ redis, database }: World, readers: readonly Client[]): string[] {
  const stale: string[] = []
  for (const key of everyKey) {
    const stored = redis.content.values.get(String(key))
    if (stored) {
      const required = ownTags(key)
      const fetch = (shard: number, tag: string) => redis.generation(shard, tag) ?? null
      const further = new Map((stored.header.x ?? []).map(([shard, tag]) => [`${shard}/${tag}`, fetch(shard, tag)]))
      const generations = required.map(({ shard, tag }) => fetch(shard, tag))
      const isServed = judgeRead(stored.header, required, { required: generations, further }) === 'fresh'
      if (isServed && differs(stored.value, database.rows))
        stale.push(`L2 keeps ${String(key)} = ${stored.value.join()}, the database holds ${database.rows.join()}`)
    }
    for (const { memory } of readers) {
      const held = memory.get(key)
      if (held && differs(held.value, database.rows))
        stale.push(`L1 keeps ${String(key)} = ${held.value.join()}, the database holds ${database.rows.join()}`)
    }
  }
  return stale
}

const differs = (value: readonly (number | undefined)[], rows: readonly number[]): boolean =>
  value.some((version, row) => version !== undefined && version !== rows[row])
