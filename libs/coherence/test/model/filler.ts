import {
  captureOf,
  inherit,
  needsSnapshot,
  refuseFill,
  type CapturedRecent,
  type LoadView,
  type ShardTag,
} from '../../src/index.js'
import type { Flight, Held, ReadOptions, Scope } from './flight.js'
import { keyOfRow, namespacePlace, type Key } from './keys.js'
import type { Captured, Value } from './place.js'
import { history } from './service.js'
import type { KnownCommit, Step, World } from './world.js'

type Source = 'primary' | 'standby'

export interface Load {
  readonly key: Key
  readonly flight: Flight
  readonly source: Source
  readonly known: KnownCommit | undefined
  /** What a transaction of the caller shows, instead of the source. */
  readonly shown?: Value
}

/** Fills: capture, then snapshot, then load, then judge, then store, step by step as libs/cache does. */
export class Filler {
  constructor(
    private readonly world: World,
    private readonly readPart: (key: Key, options: ReadOptions, scope: Scope) => Generator<Step, Held>,
  ) {}

  *fill({ key, flight, source, known, shown }: Load): Generator<Step, Held> {
    const { redis, without, random, hits } = this.world
    const scope: Scope = { judged: [], brought: [], refused: false, flight, known }
    let value: Value = []
    const early = without === 'R2' && random.onceIn(2)
    if (early && !key.isComputed) value = this.rowsOf(key, source)
    if (early) yield 'loaded too early'
    const wasInForce = redis.place(namespacePlace).inForce.has(key.catalog)
    const generations = yield* this.capture(scope, key.tags, source)
    flight.captured = generations.map(({ generation }) => generation)
    const isInForce = random.onceIn(2) ? wasInForce : redis.place(namespacePlace).inForce.has(key.catalog) // asked beside the capture
    if (!early || key.isComputed)
      value = shown ?? (key.isComputed ? yield* this.sum(scope, key, source) : this.rowsOf(key, source))
    yield 'loaded'
    const inherited = inherit(generations, without === 'R12' ? [] : scope.brought)
    const refused =
      scope.refused ||
      (!isInForce && without !== 'stored before the catalog is in force') ||
      scope.judged.some(({ recents, view }) => this.refuses(recents, view))
    if (refused || 'changed' in inherited) return { value, vouched: false, tags: [] }
    const x = inherited.further.map(({ shard, tag, generation }) => [shard, tag, generation] as const)
    const header = {
      v: 1,
      g: generations.map(({ generation }) => generation),
      x,
      at: 0,
      ttl: 1,
    } as const
    redis
      .place(key.shard)
      .values.set(key.physical, { value, header, since: sinceOf([...generations, ...scope.brought]) })
    this.world.stored += 1
    if (source === 'standby') hits.standby += 1
    yield 'stored'
    return { value, vouched: true, tags: [...generations, ...scope.brought] }
  }

  /** R2: generations, the missing ones created, THEN the recent records, then the view that they are judged by. */
  private *capture(scope: Scope, tags: readonly ShardTag[], source: Source): Generator<Step, Captured[]> {
    const { redis, database, standby, without } = this.world
    const recentsOf = () =>
      [...new Set(tags.map(({ shard }) => shard))].map((shard) => captureOf(redis.place(shard).record))
    const before = without === 'R2' ? recentsOf() : undefined
    if (before) yield 'records captured too early'
    const since = this.world.now
    const generations = tags.map((tag) => ({ ...tag, generation: redis.createGeneration(tag), since }))
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
  private *sum(scope: Scope, { rows }: Key, source: Source): Generator<Step, Value> {
    const { random, without } = this.world
    const parts: (number | undefined)[] = []
    for (const row of rows) {
      const key = keyOfRow(row)
      if (random.onceIn(2)) {
        const { known } = scope
        const part = yield* this.readPart(key, { source, usesMemory: random.onceIn(2), ...(known && { known }) }, scope)
        if (!part.vouched && without !== 'R10') scope.refused = true
        scope.brought.push(...part.tags)
        parts[row] = part.value[row]
      } else {
        scope.flight.partsBegun += 1
        scope.brought.push(...(yield* this.capture(scope, key.tags, source)))
        parts[row] = this.rowsOf(key, source)[row]
      }
      yield 'part read'
    }
    return parts
  }

  /** One statement. */
  private rowsOf({ rows }: Key, source: Source): Value {
    const { database, standby } = this.world
    const value: (number | undefined)[] = []
    for (const row of rows) value[row] = (source === 'primary' ? database : standby).rows[row]
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
}

/** The earliest of each: parts of one value can have come by different ways. */
function sinceOf(tags: readonly Captured[]): ReadonlyMap<string, number> {
  const since = new Map<string, number>()
  for (const tag of tags) since.set(tag.generation, Math.min(tag.since, since.get(tag.generation) ?? Infinity))
  return since
}
