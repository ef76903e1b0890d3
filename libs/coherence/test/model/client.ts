import {
  captureOf,
  inherit,
  contains,
  isHonoured,
  joinable,
  judgeRead,
  needsSnapshot,
  refuseFill,
  shownByStandby,
  type CapturedRecent,
  type LoadView,
  type ShardTag,
  type TagGeneration,
} from '../../src/index.js'
import { rowCount, type Versions } from './database.js'
import { Memory } from './memory.js'
import { keyOf, shardCount, shardOf, templateTag, type Value } from './redis.js'
import { history } from './service.js'
import type { KnownCommit, Step, World } from './world.js'

/** A row's own key, or the one that is computed from every row. */
type Key = number | 'sum'

/** A value in hand, with all that it was validated or captured under. */
interface Held {
  readonly value: Value
  readonly vouched: boolean
  readonly tags: readonly TagGeneration[]
}

interface Flight {
  departure: number
  captured: readonly string[] | undefined
  partsBegun: number
  landing: Held | undefined
}

/** What one MGET brought; `promised`: what the judge may ask of it. */
interface LookUp {
  readonly hit?: Omit<Held, 'vouched'>
  readonly generations: readonly (string | null)[]
  readonly promised: Versions
}

interface ReadOptions {
  readonly source: 'primary' | 'standby'
  /** What the reader knows of. */
  readonly known?: KnownCommit
  readonly usesMemory: boolean
}

/** What one load has captured and seen besides its own key. */
interface Scope {
  readonly judged: { readonly recents: readonly CapturedRecent[]; readonly view: LoadView }[]
  readonly brought: TagGeneration[]
  refused: boolean
  readonly flight: Flight
  /** What the reader knows of, the reads inside its load know of too. */
  readonly known: KnownCommit | undefined
}

const ownTags = (key: Key): readonly ShardTag[] => {
  const shard = key === 'sum' ? 0 : shardOf(key)
  return [
    { shard, tag: key === 'sum' ? 'sum' : keyOf(key) },
    { shard, tag: templateTag },
  ]
}

/** One process that reads and fills, step by step as libs/cache does; others act between any two. */
export class Client {
  readonly memory = new Memory()
  private readonly flights = new Map<Key, Flight>()
  private tickets = 0

  constructor(private readonly world: World) {}

  /** So many reads, of every kind. */
  *reads(count: number): Generator<Step, void> {
    const { random, commits } = this.world
    for (let each = 0; each < count; each++) {
      const key = random.oneOf<Key>([0, 0, 1, 'sum'])
      const known = random.onceIn(4) ? commits.at(-1 - random.below(4)) : undefined
      if (random.onceIn(8)) yield* this.insideTransaction(key)
      else
        yield* this.read(key, {
          source: random.onceIn(3) ? 'standby' : 'primary',
          usesMemory: random.onceIn(2),
          ...(known && { known }),
        })
      yield 'read'
    }
  }

  private *read(key: Key, options: ReadOptions, scope?: Scope): Generator<Step, Held> {
    const { redis, hits } = this.world
    if (scope) scope.flight.partsBegun += 1
    const promised = [...redis.content.fenced]
    const { known } = options
    const inMemory = options.usesMemory ? this.memory.get(key, known?.token) : undefined
    if (inMemory) {
      hits.l1 += 1
      if (known) hits.token += 1
      this.judge('l1', inMemory.value, this.memory.heard, known)
      return { ...inMemory, vouched: true }
    }
    const ticket = (this.tickets += 1)
    const mark = this.memory.mark(redis.connection)
    for (;;) {
      const { connection } = redis
      const honoured = known === undefined || isHonoured(known.token, redis.content.applied)
      yield 'watermark read'
      const look = yield* this.lookUp(key)
      // a watermark speaks for the Redis that it was read from
      if (look.hit && honoured && (known === undefined || connection === redis.connection)) {
        hits.l2 += 1
        if (known) hits.token += 1
        this.judge('l2', look.hit.value, atMost(promised, look.promised), known)
        if (options.usesMemory) this.memory.insert(key, look.hit, mark, redis.connection)
        return { ...look.hit, vouched: true }
      }
      // a flight that knows of no token may load from a standby, or read parts, that are behind it
      const under = known === undefined ? this.flights.get(key) : undefined
      const boards = under !== undefined && ticket < under.departure
      if (under) {
        const partsBefore = under.partsBegun
        const captured = under.captured
        while (under.landing === undefined) yield 'waits'
        const mayShare =
          boards ||
          (under.landing.vouched && partsBefore === 0 && captured !== undefined && joinable(captured, look.generations))
        if (!mayShare && this.world.without !== 'R10') continue
        hits.joined += 1
        if (!boards) this.judge('flight', under.landing.value, atMost(promised, look.promised))
        return under.landing
      }
      const landing = yield* this.fly(key, yield* this.sourceFor(options), known)
      if (known) this.judge('load', landing.value, [], known)
      const isKept = landing.vouched || this.world.without === 'R10'
      if (options.usesMemory && isKept) this.memory.insert(key, landing, mark, redis.connection)
      return landing
    }
  }

  /** R1: one MGET; the tags that only the header names in a second one, or in the same where they are remembered. */
  private *lookUp(key: Key): Generator<Step, LookUp> {
    const { redis, random } = this.world
    const required = ownTags(key)
    const stored = redis.content.values.get(String(key))
    const fetch = ({ shard, tag }: ShardTag) => redis.generation(shard, tag) ?? null
    const generations = required.map(fetch)
    let promised: Versions = [...redis.content.fenced]
    if (!stored) {
      yield 'absent'
      return { generations, promised }
    }
    const named = (stored.header.x ?? []).map(([shard, tag]): ShardTag => ({ shard, tag }))
    if (named.length > 0 && random.onceIn(2)) {
      yield 'header read'
      promised = atMost(promised, redis.content.fenced)
    }
    const further = new Map(named.map((tag) => [`${tag.shard}/${tag.tag}`, fetch(tag)]))
    const verdict = judgeRead(stored.header, required, { required: generations, further })
    yield 'judged'
    if (verdict !== 'fresh') return { generations, promised }
    return { hit: { value: stored.value, tags: tagsIn(required, stored.header) }, generations, promised }
  }

  /** A standby may load for a token only if it shows the token's commit. */
  private *sourceFor({ source, known }: ReadOptions): Generator<Step, 'primary' | 'standby'> {
    if (source === 'primary' || known === undefined) return source
    const { replayLsn } = this.world.standby
    yield 'replay position read'
    return contains(shownByStandby(history, replayLsn, this.world.standby.snapshot), known.token)
      ? 'standby'
      : 'primary'
  }

  private *fly(key: Key, source: 'primary' | 'standby', known: KnownCommit | undefined): Generator<Step, Held> {
    const flight: Flight = { departure: Infinity, captured: undefined, partsBegun: 0, landing: undefined }
    if (known === undefined) this.flights.set(key, flight)
    yield 'boarding'
    let landing = yield* this.fill(key, flight, source, known)
    if (!landing.vouched && source === 'standby' && this.world.random.onceIn(2))
      landing = yield* this.fill(key, flight, 'primary', known) // R10: retried on the primary
    flight.landing = landing
    if (this.flights.get(key) === flight) this.flights.delete(key)
    yield 'landed'
    return landing
  }

  private *fill(
    key: Key,
    flight: Flight,
    source: 'primary' | 'standby',
    known?: KnownCommit,
    load?: () => Value,
  ): Generator<Step, Held> {
    const { redis, without, random } = this.world
    flight.departure = this.tickets += 1
    const scope: Scope = { judged: [], brought: [], refused: false, flight, known }
    const own = ownTags(key)
    let value: Value = []
    const early = without === 'R2' && random.onceIn(2)
    if (early && key !== 'sum') value = this.row(key, source)
    if (early) yield 'loaded too early'
    const generations = yield* this.capture(scope, own, source)
    flight.captured ??= generations.map(({ generation }) => generation)
    const mayStore = redis.content.inForce
    if (!early || key === 'sum')
      value = load ? load() : key === 'sum' ? yield* this.sum(scope, source) : this.row(key, source)
    yield 'loaded'
    const inherited = inherit(generations, without === 'R12' ? [] : scope.brought)
    const refused =
      scope.refused ||
      !mayStore ||
      'changed' in inherited ||
      scope.judged.some(({ recents, view }) => this.refuses(recents, view))
    if (refused || 'changed' in inherited) return { value, vouched: false, tags: [] }
    const x = inherited.further.map(({ shard, tag, generation }) => [shard, tag, generation] as const)
    redis.content.values.set(String(key), {
      value,
      header: { v: 1, g: generations.map(({ generation }) => generation), x, at: 0, ttl: 1 },
    })
    this.world.stored += 1
    if (source === 'standby') this.world.hits.standby += 1
    yield 'stored'
    return { value, vouched: true, tags: [...generations, ...inherited.further] }
  }

  /** R2: generations, the missing ones created, THEN the recent records, then the view that they are judged by. */
  private *capture(
    scope: Scope,
    tags: readonly ShardTag[],
    source: 'primary' | 'standby',
  ): Generator<Step, TagGeneration[]> {
    const { redis, database, standby, without } = this.world
    const recentsOf = () =>
      [...new Set(tags.map(({ shard }) => shard))].map((shard) => captureOf(redis.content.records[shard]))
    const before = without === 'R2' ? recentsOf() : undefined
    if (before) yield 'records captured too early'
    const generations = tags.map(({ shard, tag }) => ({ shard, tag, generation: redis.createGeneration(shard, tag) }))
    yield 'generations captured'
    const recents = before ?? recentsOf()
    yield 'records captured'
    if (source === 'primary') {
      const snapshot = needsSnapshot(recents) ? database.snapshot : undefined
      scope.judged.push({ recents, view: { role: 'primary', snapshot, history } })
    } else {
      const { replayLsn } = standby
      yield 'replay position read'
      scope.judged.push({ recents, view: { role: 'standby', replayLsn, snapshot: standby.snapshot, history } })
    }
    yield 'snapshot'
    return generations
  }

  /** Computed from cached values, or from rows whose tags it names before it reads them (R12). */
  private *sum(scope: Scope, source: 'primary' | 'standby'): Generator<Step, Value> {
    const parts: (number | undefined)[] = []
    for (let row = 0; row < rowCount; row++) {
      if (this.world.random.onceIn(2)) {
        const part = yield* this.read(
          row,
          { source, usesMemory: this.world.random.onceIn(2), ...(scope.known && { known: scope.known }) },
          scope,
        )
        if (!part.vouched && this.world.without !== 'R10') scope.refused = true
        scope.brought.push(...part.tags)
        parts[row] = part.value[row]
      } else {
        scope.flight.partsBegun += 1
        scope.brought.push(...(yield* this.capture(scope, ownTags(row), source)))
        parts[row] = this.row(row, source)[row]
      }
      yield 'part read'
    }
    return parts
  }

  /** R11: the caller has opened a transaction, and reads in it: an older state, and its own uncommitted writes. */
  private *insideTransaction(key: Key): Generator<Step, void> {
    const { database, random, without } = this.world
    const seen = [...database.rows]
    const begun = random.onceIn(2) && key !== 'sum' ? database.begin([key]) : undefined
    if (begun && key !== 'sum') seen[key] = (seen[key] ?? 0) + 1
    yield 'transaction begun'
    const flight: Flight = { departure: 0, captured: undefined, partsBegun: 0, landing: undefined }
    if (without === 'R11')
      yield* this.fill(key, flight, 'primary', undefined, () =>
        seen.map((version, row) => (key === 'sum' || row === key ? version : undefined)),
      )
    if (begun) database.abort(begun)
    yield 'rolled back'
  }

  private row(row: number, source: 'primary' | 'standby'): Value {
    const { database, standby } = this.world
    const value: (number | undefined)[] = []
    value[row] = (source === 'primary' ? database : standby).rows[row]
    return value
  }

  /** The product's decision, or what it would be without the rule in question. */
  private refuses(recents: readonly CapturedRecent[], view: LoadView): boolean {
    const { without } = this.world
    const seen = recents.map((recent): CapturedRecent => {
      if (without === 'R6' && recent.missing) return { ...recent, missing: false }
      if (without === 'R3' && view.role === 'primary') return { ...recent, transactions: [] }
      if (without === 'R5') return { ...recent, pruned: undefined }
      return recent
    })
    if (without === 'R4' && view.role === 'standby') {
      const behind = seen.some(({ pruned }) => pruned !== undefined && pruned > (view.replayLsn ?? 0n))
      return behind || refuseFill(seen, { role: 'primary', snapshot: view.snapshot, history }, history) !== undefined
    }
    return refuseFill(seen, view, history) !== undefined
  }

  private judge(where: string, value: Value, promised: Versions, known?: KnownCommit): void {
    for (const [row, version] of value.entries()) {
      if (version === undefined) continue
      const least = Math.max(promised[row] ?? 0, known?.row === row ? known.version : 0)
      if (version < least)
        this.world.violations.push(`${where} gave version ${version} of row ${row}, promised was ${least}`)
    }
  }
}

const tagsIn = (
  required: readonly ShardTag[],
  header: { g: readonly string[]; x?: readonly (readonly [number, string, string])[] },
): TagGeneration[] => [
  ...required.map((tag, at) => ({ ...tag, generation: header.g[at] ?? '' })),
  ...(header.x ?? []).map(([shard, tag, generation]) => ({ shard, tag, generation })),
]

/** A failover in the middle of a read takes back what was promised at its beginning. */
const atMost = (promised: Versions, now: Versions): Versions =>
  promised.map((version, row) => Math.min(version, now[row] ?? 0))

export const everyKey: readonly Key[] = [...Array.from({ length: rowCount }, (_, row) => row), 'sum']
export { ownTags, shardCount }
