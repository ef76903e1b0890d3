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
    const { lineage, offset, connection, copies } = node
    const places = [...this.places]
    const failovers = [...this.failovers]
    node.copies = [...copies]
    this.failOver(node, random)
    look()
    Object.assign(node, { lineage, offset, connection, copies })
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
    for (const place of this.heldBy(node)) this.places[place] = emptyPlace(this.place(place).fenced)
  }

  /** A slot goes to another master, with all its keys. */
  move(place: number, to: Node): void {
    this.owners[place] = this.nodes.indexOf(to)
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

function deleteOne<T>(map: Map<string, T>, random: Random): void {
  if (map.size > 0) map.delete(random.oneOf([...map.keys()]))
}

/** `0:...` lies in place 0. */
export const placeOfHome = (home: string): number => Number(home.slice(0, home.indexOf(':')))
