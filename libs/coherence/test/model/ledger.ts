import {
  cursorOfAll,
  holds,
  isOfLineage,
  leastApplied,
  type AppliedWatermark,
  type Lineage,
  type Speaker,
} from '../../src/index.js'
import type { Cursors, Home, Marks, Place } from './place.js'
import { everyPlace, everyShard, namespacePlace } from './keys.js'
import { placeOfHome } from './redis.js'
import { sessionOver, type Session } from './session.js'
import type { Switch } from './switches.js'
import type { Step, World } from './world.js'

/** How far a session's work has come. */
export interface Ledger {
  /** Shards that another master held when they were named last. */
  arrived(): Generator<Step, readonly number[]>
  /** By partition; one that is missing is a gap. */
  cursors(): Generator<Step, Cursors>
  moveCursors(moves: Cursors): Generator<Step, void>
  note(partition: number, watermark: AppliedWatermark): Generator<Step, void>
  /** The least of all partitions, on all masters. */
  least(): Generator<Step, AppliedWatermark | undefined>
}

export function ledgerOf(world: World, session: Session): Ledger {
  if (!world.redis.isCluster || world.without === 'one cursor for the whole Cluster')
    return new NamespaceLedger(world, session)
  return new HomeLedger(world, session)
}

/** On a single Redis: in the namespace's own place, which is lost together with all others. */
class NamespaceLedger implements Ledger {
  constructor(
    private readonly world: World,
    private readonly session: Session,
  ) {}

  *arrived(): Generator<Step, readonly number[]> {
    yield 'nothing moves'
    return []
  }

  *cursors(): Generator<Step, Cursors> {
    const { cursors } = this.session.at(namespacePlace)
    yield 'cursors read'
    return cursors ?? []
  }

  *moveCursors(moves: Cursors): Generator<Step, void> {
    const namespace = this.session.at(namespacePlace)
    namespace.cursors = merged(this.world, namespace.cursors, moves)
    yield 'cursors'
  }

  *note(partition: number, watermark: AppliedWatermark): Generator<Step, void> {
    note(this.world, this.session.at(namespacePlace), undefined, partition, watermark)
    yield 'watermark noted'
  }

  *least(): Generator<Step, AppliedWatermark | undefined> {
    const { applied } = this.session.at(namespacePlace)
    yield 'watermarks read'
    return leastApplied(applied?.byPartition ?? [undefined])
  }
}

interface Found {
  readonly spokenFor: readonly (string | undefined)[]
  /** Those that stand, with the history that their holder has now. */
  readonly homes: ReadonlyMap<string, { readonly home: Home; readonly lineage: Lineage }>
  readonly areBelieved: boolean
}

/** On a Cluster: in each master's home, as libs/redis has it. */
class HomeLedger implements Ledger {
  private isMovedIn = false
  private readonly homes: readonly (readonly [node: number, name: string])[]

  constructor(
    private readonly world: World,
    private readonly session: Session,
  ) {
    this.homes = session.homes.flatMap((name, node) => (name === undefined ? [] : [[node, name] as const]))
  }

  *arrived(): Generator<Step, readonly number[]> {
    if (this.world.without === 'what a slot finds where it comes back is believed') return []
    const { spokenFor, homes } = yield* this.find()
    return everyShard.filter((shard) => {
      const known = homes.get(spokenFor[shard] ?? '')
      return known !== undefined && !isOfLineage(this.lineage(this.session.owners[shard]), known.home.written)
    })
  }

  *cursors(): Generator<Step, Cursors> {
    return this.lowest(yield* this.find())
  }

  *moveCursors(moves: Cursors): Generator<Step, void> {
    yield* this.moveIn()
    for (const [node, name] of this.homes) {
      const { homes } = this.session.at(placeOfHome(name))
      const known = homes.get(name)
      if (known?.written.id !== this.lineage(node).id) throw sessionOver // this home is gone
      homes.set(name, { written: this.written(node), cursors: merged(this.world, known.cursors, moves) })
      yield 'cursors of a home'
    }
  }

  *note(partition: number, watermark: AppliedWatermark): Generator<Step, void> {
    yield* this.moveIn()
    if (this.world.without === 'one applied watermark for the whole Cluster')
      return note(this.world, this.session.at(namespacePlace), undefined, partition, watermark)
    for (const [, name] of this.homes) {
      note(this.world, this.session.at(placeOfHome(name)), name, partition, watermark)
      yield 'watermark noted in a home'
    }
  }

  *least(): Generator<Step, AppliedWatermark | undefined> {
    if (this.world.without === 'one applied watermark for the whole Cluster')
      return leastOf(this.session.at(namespacePlace).applied, undefined)
    const marks: (AppliedWatermark | undefined)[] = []
    for (const [, name] of this.homes) {
      marks.push(leastOf(this.session.at(placeOfHome(name)).applied, name))
      yield 'watermarks of a home read'
    }
    return leastApplied(marks)
  }

  /** Makes the homes of this session speak for all places. They are written before they are named. */
  private *moveIn(): Generator<Step, void> {
    if (this.isMovedIn) return
    const found = yield* this.find()
    const misnamed = everyPlace.filter((place) => found.spokenFor[place] !== this.speakerOf(place))
    if (misnamed.length > 0 || !found.areBelieved || this.isOfBefore(found)) {
      const cursors = this.lowest(found)
      for (const [node, name] of this.homes) {
        const { homes } = this.session.at(placeOfHome(name))
        homes.set(name, { written: this.written(node), cursors })
        yield 'home written'
      }
      for (const [node, name] of this.homes) {
        for (const place of misnamed) if (this.session.owners[place] === node) this.session.at(place).spokenFor = name
        yield 'home named'
      }
      const present = new Set(this.session.homes)
      for (const name of found.homes.keys())
        if (!present.has(name) && this.world.random.onceIn(2)) this.session.at(placeOfHome(name)).homes.delete(name)
    }
    this.isMovedIn = true
  }

  /** Of a master that has taken over since; its homes have other names, unless names say only where they lie. */
  private isOfBefore({ homes }: Found): boolean {
    return this.homes.some(([node, name]) => homes.get(name)?.home.written.id !== this.lineage(node).id)
  }

  private *find(): Generator<Step, Found> {
    const spokenFor: (string | undefined)[] = []
    for (const [node] of this.homes) {
      for (const place of everyPlace)
        if (this.session.owners[place] === node) spokenFor[place] = this.session.at(place).spokenFor
      yield 'speakers asked for'
    }
    if (this.world.without === 'each master speaks for what it holds now')
      for (const place of everyPlace) spokenFor[place] = this.speakerOf(place)
    const homes = new Map<string, { home: Home; lineage: Lineage }>()
    for (const name of new Set(spokenFor)) {
      if (name === undefined) continue
      const home = this.session.at(placeOfHome(name)).homes.get(name)
      if (home) homes.set(name, { home, lineage: this.historyBehind(name, home) })
      yield 'home read'
    }
    const areBelieved = spokenFor.every((name) => {
      const known = homes.get(name ?? '')
      return known !== undefined && holds(known.lineage, known.home.written)
    })
    return { spokenFor, homes, areBelieved }
  }

  private historyBehind(name: string, { written }: Home): Lineage {
    return this.world.without === 'a cursor that came with a slot is believed'
      ? { id: written.id, former: undefined }
      : this.lineage(this.session.owners[placeOfHome(name)])
  }

  private lowest({ spokenFor, homes }: Found): Cursors {
    return Array.from({ length: this.world.features.partitions }, (_, partition) => {
      const speakers = spokenFor.map((name): Speaker<{ readonly offset: bigint }> | undefined => {
        const known = homes.get(name ?? '')
        if (!known) return undefined
        const cursor = known.home.cursors[partition]
        return {
          lineage: known.lineage,
          written: known.home.written,
          cursor: cursor === undefined ? undefined : { offset: BigInt(cursor) },
        }
      })
      const lowest = cursorOfAll(speakers)
      return lowest && Number(lowest.offset)
    })
  }

  private speakerOf(place: number): string | undefined {
    return this.session.homes[this.session.owners[place] ?? 0]
  }

  private lineage(node = 0): Lineage {
    return this.session.lineages[node] as Lineage
  }

  private written(node: number): Home['written'] {
    return { id: this.lineage(node).id, offset: this.world.redis.node(node).offset++ }
  }
}

const merged = ({ features }: World, known: Cursors | undefined, moves: Cursors): Cursors =>
  Array.from({ length: features.partitions }, (_, partition) => moves[partition] ?? known?.[partition])

/** Marks of another home are forgotten, and each partition is expected. */
function note(
  { features }: World,
  place: Place,
  home: string | undefined,
  partition: number,
  watermark: AppliedWatermark,
): void {
  const known = place.applied?.home === home ? place.applied?.byPartition : undefined
  const byPartition = Array.from({ length: features.partitions }, (_, each) =>
    each === partition ? watermark : known?.[each],
  )
  place.applied = { home, byPartition }
}

/** What marks say of this home: nothing, if they are another's. */
const leastOf = (marks: Marks | undefined, home: string | undefined): AppliedWatermark | undefined =>
  marks !== undefined && marks.home === home ? leastApplied(marks.byPartition) : undefined

/** What may be answered for a place, as whoever reads it finds out. */
export function appliedFor({ redis, without }: World, place: number): AppliedWatermark | undefined {
  if (!redis.isCluster || isKeptOnce(without)) return leastOf(redis.place(namespacePlace).applied, undefined)
  const home = redis.homeOf(redis.owners[place] ?? 0)
  return home === undefined ? undefined : leastOf(redis.place(placeOfHome(home)).applied, home)
}

/** Does the home of its master speak for this place? It may just have come from a master that was behind. */
export const isSpokenFor = ({ redis, without }: World, place: number): boolean =>
  !redis.isCluster ||
  isKeptOnce(without) ||
  without === 'each master speaks for what it holds now' ||
  redis.place(place).spokenFor === redis.homeOf(redis.owners[place] ?? 0)

const isKeptOnce = (without: Switch | undefined): boolean =>
  without === 'one cursor for the whole Cluster' || without === 'one applied watermark for the whole Cluster'
