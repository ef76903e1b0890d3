import type { Lineage, ShardTag } from '../../src/index.js'
import type { Features } from './features.js'
import { everyPlace, namespacePlace, shardCount, type Catalogs } from './keys.js'
import { calmRecord, copyOf, emptyPlace, type Place, type Versions } from './place.js'
import type { Random } from './random.js'

/** What a replica has of its master. */
interface Copy {
  readonly places: ReadonlyMap<number, Place>
  readonly id: string
  readonly offset: bigint
}

const replicas = 3

/** One master, and its replicas: copies of moments before. */
export interface Node {
  lineage: Lineage
  /** How much has been written; only where that is compared. */
  offset: bigint
  /** Raised by each loss of its connections. */
  connection: number
  copies: Copy[]
  /** By place: what is left here of one that went to another master; it shows again where that comes back. */
  leftovers: Map<number, Place>
}

/** A single Redis, or the masters of a Cluster; each fails over, and loses what it holds, apart from the others. */
export class Redis {
  readonly places: Place[] = everyPlace.map(() => emptyPlace())
  readonly nodes: readonly Node[]
  /** By place: which node holds it. */
  readonly owners: number[]
  /** By place: how often what it holds became older. */
  readonly failovers: number[] = everyPlace.map(() => 0)
  readonly isCluster: boolean
  private names = 0

  constructor(
    { masters, owners }: Features,
    private readonly catalogs: Catalogs,
  ) {
    this.isCluster = masters > 1
    this.owners = [...owners]
    this.nodes = Array.from({ length: masters }, (): Node => {
      const id = this.newName()
      return {
        lineage: { id, former: undefined },
        offset: 0n,
        connection: 1,
        copies: [{ places: new Map(), id, offset: 0n }],
        leftovers: new Map(),
      }
    })
  }

  /** As after a while of use: nothing is missing, and nothing has happened lately. */
  beginCalmly(inForce: Iterable<number>, partitions: number): void {
    const cursors = new Array<number>(partitions).fill(0)
    for (let shard = 0; shard < shardCount; shard++) this.place(shard).record = calmRecord(this.newName())
    const namespace = this.place(namespacePlace)
    for (const catalog of inForce) namespace.inForce.add(catalog)
    if (!this.isCluster) namespace.cursors = cursors
    else
      for (const [at, node] of this.nodes.entries()) {
        const home = this.homeOf(at)
        if (home === undefined) continue
        this.place(placeOfHome(home)).homes.set(home, {
          written: { id: node.lineage.id, offset: node.offset++ },
          cursors,
        })
        for (const place of this.heldBy(node)) this.place(place).spokenFor = home
      }
    for (const node of this.nodes) {
      node.copies.length = 0
      this.replicate(node)
    }
  }

  newName(): string {
    return `${(this.names += 1)}`
  }

  place(at: number): Place {
    return this.places[at] as Place
  }

  node(at: number): Node {
    return this.nodes[at] as Node
  }

  nodeOf(place: number): Node {
    return this.node(this.owners[place] ?? 0)
  }

  heldBy(node: Node): readonly number[] {
    return everyPlace.filter((place) => this.nodeOf(place) === node)
  }

  /** The home of a master: where what is to be known of it as a whole is kept, named by its history and its places. */
  homeOf(node: number): string | undefined {
    const held = this.heldBy(this.node(node))
    return held.length === 0 ? undefined : `${held[0]}:${this.node(node).lineage.id}:${held.join()}`
  }

  /** Names the whole: another one when any master becomes another. */
  get id(): string {
    return this.nodes.map(({ lineage }) => lineage.id).join()
  }

  replicate(node: Node): void {
    const held = this.heldBy(node)
    const places = new Map(held.map((place) => [place, copyOf(this.place(place))]))
    node.copies.push({ places, id: node.lineage.id, offset: node.offset })
    if (node.copies.length > replicas) node.copies.shift()
  }

  /** A replica takes over: what only the lost node knew is gone, and every connection with it. The others follow it. */
  failOver(node: Node, random: Random): void {
    const chosen = random.below(node.copies.length)
    const { places, id, offset } = node.copies[chosen] as Copy
    node.copies.length = chosen + 1
    // the deletions of a slot that has gone may not have reached the replica
    for (const [place, copy] of places) if (this.nodeOf(place) !== node) node.leftovers.set(place, copyOf(copy))
    for (const place of this.heldBy(node)) {
      const copy = places.get(place)
      this.places[place] = copy ? copyOf(copy) : emptyPlace(this.place(place).fenced)
      this.failovers[place] = (this.failovers[place] ?? 0) + 1
    }
    node.lineage = { id: this.newName(), former: { id, end: offset + 1n } }
    node.offset = offset
    node.connection += 1
  }

  /** Looks at what would be, were this master to fail over now. */
  supposing(node: Node, random: Random, look: () => void): void {
    const { lineage, offset, connection, copies, leftovers } = node
    const places = [...this.places]
    const failovers = [...this.failovers]
    node.copies = [...copies]
    node.leftovers = new Map(leftovers)
    this.failOver(node, random)
    look()
    Object.assign(node, { lineage, offset, connection, copies, leftovers })
    for (const at of places.keys()) {
      this.places[at] = places[at] as Place
      this.failovers[at] = failovers[at] ?? 0
    }
  }

  restartEmpty(node: Node): void {
    this.flush(node)
    node.lineage = { id: this.newName(), former: undefined }
    node.connection += 1
  }

  flush(node: Node): void {
    node.leftovers.clear()
    for (const place of this.heldBy(node)) this.places[place] = emptyPlace(this.place(place).fenced)
  }

  /**
   * A slot goes to another master, with all its keys; they replace what is left of it there, key by key. True where
   * something was, so that fences of the time since may be undone.
   */
  move(place: number, to: Node): boolean {
    const leftover = to.leftovers.get(place)
    if (leftover) {
      this.places[place] = over(leftover, this.place(place))
      this.failovers[place] = (this.failovers[place] ?? 0) + 1
      to.leftovers.delete(place)
    }
    this.owners[place] = this.nodes.indexOf(to)
    return leftover !== undefined
  }

  generation({ shard, tag }: ShardTag): string | undefined {
    return this.place(shard).generations.get(tag)
  }

  /** SET NX, and what is there then. */
  createGeneration({ shard, tag }: ShardTag): string {
    const { generations } = this.place(shard)
    const known = generations.get(tag)
    if (known !== undefined) return known
    const name = this.newName()
    generations.set(tag, name)
    return name
  }

  /** For the judge: what no read that begins now may fall behind. */
  get promised(): Versions {
    return this.catalogs.shardOfPromise.map((shard, promise) =>
      shard === undefined ? 0 : (this.place(shard).fenced[promise] ?? 0),
    )
  }

  /** For the judge: from here on no read of the catalog may show an older version of the row. */
  promise(promise: number, version: number): void {
    const shard = this.catalogs.shardOfPromise[promise]
    if (shard === undefined) return
    const { fenced } = this.place(shard)
    fenced[promise] = Math.max(fenced[promise] ?? 0, version)
  }

  /** Any key may go at any time. */
  evict(random: Random): void {
    const place = this.place(random.below(this.places.length))
    const kind = random.below(12)
    if (kind < 2) deleteOne(place.generations, random)
    else if (kind < 4) deleteOne(place.values, random)
    else if (kind < 8) place.record = undefined
    else if (kind < 9) place.cursors = undefined
    else if (kind < 10) place.applied = undefined
    else if (kind < 11) place.spokenFor = undefined
    else deleteOne(place.homes, random)
  }
}

const over = (below: Place, above: Place): Place => ({
  generations: new Map([...below.generations, ...above.generations]),
  record: above.record ?? below.record,
  entries: new Map([...below.entries, ...above.entries]),
  values: new Map([...below.values, ...above.values]),
  cursors: above.cursors ?? below.cursors,
  spokenFor: above.spokenFor ?? below.spokenFor,
  homes: new Map([...below.homes, ...above.homes]),
  applied: above.applied ?? below.applied,
  inForce: new Set(above.inForce.size > 0 ? above.inForce : below.inForce),
  passed: new Map([...below.passed, ...above.passed]),
  fenced: [...below.fenced],
})

function deleteOne<T>(map: Map<string, T>, random: Random): void {
  if (map.size > 0) map.delete(random.oneOf([...map.keys()]))
}

/** `0:...` lies in place 0. */
export const placeOfHome = (home: string): number => Number(home.slice(0, home.indexOf(':')))
