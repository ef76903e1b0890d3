import {
  contains,
  isHonoured,
  joinable,
  judgeRead,
  shownByStandby,
  type AppliedWatermark,
  type ShardTag,
} from '../../src/index.js'
import { Filler } from './filler.js'
import { atMost, newFlight, type Flight, type Held, type ReadOptions, type Scope } from './flight.js'
import { nameOf, promiseOf, type Key } from './keys.js'
import { appliedFor, isSpokenFor } from './ledger.js'
import { Memory } from './memory.js'
import type { Captured, Stored, Value, Versions } from './place.js'
import { history } from './service.js'
import { openWith, staleWithin, type Old } from './window.js'
import type { KnownCommit, Step, World } from './world.js'

/** What one MGET brought; `promised`: what the judge may ask of it. */
interface LookUp {
  readonly hit?: Omit<Held, 'vouched'>
  /** What is there and not fresh, where there are windows. */
  readonly old?: Old
  readonly generations: readonly (string | null)[]
  readonly promised: Versions
}

/** An applied watermark as it was read, and the connection that it came by. */
interface Mark {
  readonly applied: AppliedWatermark | undefined
  readonly node: number | undefined
  readonly connection: number
}

/** One process that reads and fills, step by step as libs/cache does; others act between any two. */
export class Client {
  readonly memory: Memory
  private readonly flights = new Map<Key, Flight>()
  private readonly filler: Filler
  private tickets = 0

  constructor(
    private readonly world: World,
    /** What it declares. */
    private readonly catalog: number,
  ) {
    this.memory = new Memory(world.catalogs, world.without)
    this.filler = new Filler(world, (key, options, scope) => this.read(key, options, scope))
  }

  /** So many reads, of every kind. */
  *reads(count: number): Generator<Step, void> {
    const { random, commits, features, catalogs } = this.world
    const keys = catalogs.keysOf(this.catalog)
    const favourite = keys[features.favourite % keys.length] as Key
    for (let each = 0; each < count; each++) {
      const key = random.onceIn(2) ? favourite : random.oneOf(keys)
      const known = random.onceIn(features.tokenOnceIn) ? commits.at(-1 - random.below(4)) : undefined
      if (random.onceIn(8)) yield* this.insideTransaction(key)
      else
        yield* this.read(key, {
          source: random.onceIn(3) ? 'standby' : 'primary',
          usesMemory: random.onceIn(2),
          fresh: random.onceIn(4),
          ...(known && { known }),
        })
      yield 'read'
    }
  }

  /** Reads everything from L2 for each commit that is known, with nothing in between. */
  look(): void {
    for (const key of this.world.catalogs.keys) {
      if (!this.world.redis.place(key.shard).values.has(key.physical)) continue
      for (const known of this.world.commits) {
        if (!key.rows.includes(known.row)) continue
        const looking = this.lookUpFor(key, known)
        let step = looking.next()
        while (!step.done) step = looking.next()
        if (step.value.hit) this.judge('l2', key, step.value.hit.value, [], known)
      }
    }
  }

  /** What was promised of these places is taken back; an older copy may fill this memory, and give parts to its loads. */
  failedOver(places: readonly number[]): void {
    this.memory.failedOver(places)
    for (const flight of this.flights.values()) flight.allowed = atMost(this.world.redis.promised, flight.allowed)
  }

  private *read(key: Key, options: ReadOptions, scope?: Scope): Generator<Step, Held> {
    const { redis, hits, without, random } = this.world
    if (scope) scope.flight.partsBegun += 1
    const { promised } = redis
    const { known } = options
    const inMemory = options.usesMemory ? this.memory.get(key.physical, known?.token) : undefined
    if (inMemory) {
      hits.l1 += 1
      if (known) hits.token += 1
      this.judge('l1', key, inMemory.value, this.memory.heard, known)
      if (scope) scope.flight.allowed = atMost([...this.memory.heard], scope.flight.allowed)
      return { ...inMemory, vouched: true }
    }
    const ticket = (this.tickets += 1)
    const mark = this.memory.mark(redis.id)
    for (;;) {
      const look = yield* known ? this.lookUpFor(key, known) : this.lookUp(key)
      // a load goes on behind it, which half of these reads wait for instead
      if (look.old && known === undefined && random.onceIn(2)) {
        const request = { fresh: options.fresh ?? false, insideLoad: scope !== undefined }
        if (yield* staleWithin(this.world, key, look.old, request)) {
          hits.window += 1
          const isTaken = without === 'a value within its window is vouched for'
          const held: Held = {
            value: look.old.stored.value,
            vouched: isTaken,
            tags: tagsIn(key.tags, look.old.stored),
            stale: true,
          }
          if (isTaken && options.usesMemory) this.memory.insert(key.physical, held, mark, redis.id)
          return held
        }
      }
      if (look.hit) {
        hits.l2 += 1
        if (known) hits.token += 1
        this.judge('l2', key, look.hit.value, atMost(promised, look.promised), known) // a failover in between takes back what was promised
        if (options.usesMemory) this.memory.insert(key.physical, look.hit, mark, redis.id)
        return { ...look.hit, vouched: true }
      }
      // a flight that knows of no token may load from a standby, or read parts, that are behind it
      const under = known === undefined ? this.flights.get(key) : undefined
      const boards = under !== undefined && ticket < under.departure
      if (under) {
        const partsBefore = under.partsBegun
        while (under.landing === undefined) yield 'waits'
        const { captured } = under
        const mayShare =
          boards ||
          (under.landing.vouched && partsBefore === 0 && captured !== undefined && joinable(captured, look.generations))
        if (!mayShare && without !== 'R10') continue
        hits.joined += 1
        if (!boards)
          this.judge('flight', key, under.landing.value, atMost(atMost(promised, look.promised), under.allowed))
        return under.landing
      }
      const landing = yield* this.fly(key, yield* this.sourceFor(options), known)
      if (known) this.judge('load', key, landing.value, [], known)
      const isKept = landing.vouched || without === 'R10'
      if (options.usesMemory && isKept) this.memory.insert(key.physical, landing, mark, redis.id)
      return landing
    }
  }

  /** R1: one MGET; the tags that only the header names in a second one, or in the same where they are remembered. */
  private *lookUp(key: Key, onFetch?: () => void): Generator<Step, LookUp> {
    const { redis, random, features } = this.world
    onFetch?.()
    const stored = redis.place(key.shard).values.get(key.physical)
    const fetch = (tag: ShardTag) => redis.generation(tag) ?? null
    const generations = key.tags.map(fetch)
    let { promised } = redis
    // half of the reads remember by which windows the value was served last, and ask for them in the same command
    const isKnown = stored !== undefined && features.windows.length > 0 && random.onceIn(2)
    const open = isKnown ? openWith(this.world, key, stored, generations) : undefined
    if (!stored) {
      yield 'absent'
      return { generations, promised }
    }
    const named = namedBy(stored.header)
    if (named.length > 0 && random.onceIn(2)) {
      yield 'header read'
      onFetch?.()
      promised = atMost(promised, redis.promised)
    }
    const further = new Map(named.map((tag) => [nameOf(tag), fetch(tag)]))
    const fetched = { required: generations, further }
    const verdict = judgeRead(stored.header, key.tags, fetched)
    yield 'judged'
    if (verdict !== 'fresh')
      return { generations, promised, ...(features.windows.length > 0 && { old: { stored, fetched, open } }) }
    return { hit: { value: stored.value, tags: tagsIn(key.tags, stored) }, generations, promised }
  }

  /** G3: on each master that is asked, the applied watermark before the generations, from the same Redis as they. */
  private *lookUpFor(key: Key, known: KnownCommit): Generator<Step, LookUp> {
    const { redis, without } = this.world
    const stored = redis.place(key.shard).values.get(key.physical)
    const asked = without === "the watermark of the value's master alone" ? [] : namedBy(stored?.header)
    const marks = new Map<number, Mark>()
    for (const shard of new Set([key.shard, ...asked.map((tag) => tag.shard)])) {
      const node = redis.owners[shard]
      marks.set(shard, { applied: appliedFor(this.world, shard), node, connection: redis.nodeOf(shard).connection })
      yield 'watermark read'
    }
    let isAnswered = true
    const look = yield* this.lookUp(key, () => {
      isAnswered &&= [...marks].every(
        ([shard, { applied, node, connection }]) =>
          isHonoured(known.token, applied) &&
          isSpokenFor(this.world, shard) &&
          redis.owners[shard] === node &&
          redis.nodeOf(shard).connection === connection,
      )
    })
    const isCovered =
      without === "the watermark of the value's master alone" || !look.hit?.tags.some(({ shard }) => !marks.has(shard))
    if (isAnswered && isCovered) return look
    return { generations: look.generations, promised: look.promised }
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
    const flight = newFlight(Infinity)
    if (known === undefined) this.flights.set(key, flight)
    yield 'boarding'
    flight.departure = this.tickets += 1
    let landing = yield* this.filler.fill({ key, flight, source, known })
    if (!landing.vouched && source === 'standby' && this.world.random.onceIn(2))
      landing = yield* this.filler.fill({ key, flight, source: 'primary', known }) // R10: retried on the primary
    flight.landing = landing
    if (this.flights.get(key) === flight) this.flights.delete(key)
    yield 'landed'
    return landing
  }

  /** R11: the caller has opened a transaction, and reads in it: an older state, and its own uncommitted writes. */
  private *insideTransaction(key: Key): Generator<Step, void> {
    const { database, random, without } = this.world
    const seen = [...database.rows]
    const [row] = key.rows
    const begun = random.onceIn(2) && !key.isComputed && row !== undefined ? database.begin([row]) : undefined
    if (begun && row !== undefined) seen[row] = (seen[row] ?? 0) + 1
    yield 'transaction begun'
    const shown = seen.map((version, each) => (key.rows.includes(each) ? version : undefined))
    if (without === 'R11')
      yield* this.filler.fill({ key, flight: newFlight(0), source: 'primary', known: undefined, shown })
    if (begun) database.abort(begun)
    yield 'rolled back'
  }

  private judge(where: string, key: Key, value: Value, promised: Versions, known?: KnownCommit): void {
    for (const [row, version] of value.entries()) {
      if (version === undefined) continue
      const least = Math.max(promised[promiseOf(key.catalog, row)] ?? 0, known?.row === row ? known.version : 0)
      if (version < least)
        this.world.violations.push(
          `${where} gave version ${version} of row ${row} for ${key.physical}, promised was ${least}`,
        )
    }
  }
}

type Header = { readonly g: readonly string[]; readonly x?: readonly (readonly [number, string, string])[] }

const namedBy = (header: Header | undefined): ShardTag[] => (header?.x ?? []).map(([shard, tag]) => ({ shard, tag }))

const tagsIn = (required: readonly ShardTag[], { header, since }: Stored): Captured[] =>
  [
    ...required.map((tag, at) => ({ ...tag, generation: header.g[at] ?? '' })),
    ...(header.x ?? []).map(([shard, tag, generation]) => ({ shard, tag, generation })),
  ].map((tag) => ({ ...tag, since: since.get(tag.generation) ?? 0 }))
