import type { Tag } from '@freshet/cache-keys'
import { leastApplied, newGeneration, type AppliedWatermark, type ShardTag } from '@freshet/coherence'
import { call, type Command } from './connection.js'
import { catalogField } from './fence-session.js'
import type { CatalogInForce } from './fence-store.js'
import { appliedIn } from './home-ledger.js'
import type { Keys } from './keys.js'
import { parseRecent } from './recent-fields.js'
import { buffersReply, hashReply } from './replies.js'
import { rotation } from './rotation.js'
import { scan } from './scan.js'
import { renewScript } from './scripts.js'
import { placesOf } from './shard-fences.js'
import { parseCatalog } from './state-codec.js'
import { homeText, send, type Addressed, type Master, type Nodes } from './topology.js'
import { ValuesUnavailableError } from './unavailable.js'
import type { Captured, ReadReply, ReadRequest, ValueAddress, ValueStore } from './value-store.js'

type Found = (Buffer | null)[]

/** Keys that stand in one command. */
interface Bundle {
  readonly shard: number
  readonly keys: string[]
  /** Where each of them stood among all that were asked for; needed only where there are several bundles. */
  readonly positions: number[]
}

export class RedisValueStore implements ValueStore {
  constructor(
    private readonly nodes: Nodes,
    private readonly keys: Keys,
  ) {}

  async read(request: ReadRequest, extra: readonly ShardTag[] = []): Promise<ReadReply> {
    const { shard, tags } = request
    const keys = [this.keys.value(request)]
    for (const tag of tags) keys.push(this.keys.generation(shard, tag))
    for (const tag of extra) keys.push(this.keys.generationOf(tag))
    const shardOf = (position: number): number => extra[position - 1 - tags.length]?.shard ?? shard
    if (!request.withApplied) return replyOf(request, await this.mget('read', keys, shardOf))
    const { found, applied } = await this.readWithApplied(this.bundles(keys, shardOf))
    return { ...replyOf(request, found), applied }
  }

  async generations(tags: readonly ShardTag[]): Promise<readonly (string | null)[]> {
    if (tags.length === 0) return []
    const keys = tags.map((tag) => this.keys.generationOf(tag))
    return (await this.mget('read generations', keys, (at) => tags[at]?.shard ?? 0)).map(textOf)
  }

  async capture(tags: readonly ShardTag[], ttlMs: number): Promise<Captured> {
    const generations = await this.createGenerations(tags, ttlMs)
    const shards = [...new Set(tags.map(({ shard }) => shard))]
    const recents = await this.run(
      'capture recent records', // R2: only after the generations are there, on whichever masters
      () => shards.map((shard) => this.at(shard, ['hgetall', this.keys.recent(shard)])),
    )
    return { generations, recents: recents.map((fields) => parseRecent(hashReply(fields))) }
  }

  async store(
    address: ValueAddress,
    bytes: Buffer,
    ttlMs: number,
    renew: readonly ShardTag[],
    renewMs = ttlMs,
  ): Promise<void> {
    await this.run('store', () => [
      ...renew.map((tag) => this.at(tag.shard, call(renewScript, this.keys.generationOf(tag), `${renewMs}`))),
      this.at(address.shard, ['set', this.keys.value(address), bytes, 'PX', ttlMs]),
    ])
  }

  async rotate(tags: readonly Tag[]): Promise<void> {
    await this.run('rotate', () => rotation(this.keys, this.nodes.topology, tags.flatMap(placesOf)))
  }

  async catalogInForce(owner: string, version: string): Promise<CatalogInForce | undefined> {
    const field = catalogField(owner, version)
    const { keys, nodes } = this
    const text = await this.answered('read catalog', () =>
      nodes.topology.masterOf('namespace').connection.redis.hget(keys.catalogs, field),
    )
    return text === null ? undefined : parseCatalog(text)
  }

  async *addresses(): AsyncIterable<ValueAddress> {
    for (const { connection } of this.nodes.topology.masters) {
      try {
        for await (const key of scan(connection, this.keys.everyValue)) {
          const address = this.keys.addressIn(key)
          if (address) yield address
        }
      } catch (cause) {
        this.nodes.failed(cause)
        throw new ValuesUnavailableError('scan', cause instanceof Error ? cause.message : String(cause), { cause })
      }
    }
  }

  async applied(): Promise<AppliedWatermark | undefined> {
    const { masters } = this.nodes.topology
    const replies = await this.run('read watermarks', () => masters.map((master) => this.appliedOn(master)))
    return leastApplied(masters.map(({ home }, at) => leastApplied(appliedIn(home, hashReply(replies[at])).values())))
  }

  /** An eviction can take a generation between the two commands; nothing may be stored under a missing one. */
  private async createGenerations(tags: readonly ShardTag[], ttlMs: number): Promise<string[]> {
    if (tags.length === 0) return []
    const keys = tags.map((tag) => this.keys.generationOf(tag))
    const bundles = this.bundles(keys, (at) => tags[at]?.shard ?? 0)
    const replies = await this.run('capture generations', () => [
      ...tags.map((tag, at) => this.at(tag.shard, ['set', keys[at] ?? '', newGeneration(), 'PX', ttlMs, 'NX'])),
      ...bundles.map((bundle) => this.at(bundle.shard, ['mgetBuffer', ...bundle.keys])),
    ])
    const found = unbundled(bundles, replies.slice(tags.length).map(buffersReply))
    const generations = found.map(textOf).filter((generation) => generation !== null)
    if (generations.length < tags.length)
      throw new ValuesUnavailableError('capture generations', 'a generation was evicted as soon as it was made')
    return generations
  }

  /**
   * On each master that is asked, its applied watermark before the generations, in one pipeline: the token's commit must be
   * fenced on all of them (G3). On a Cluster a shard may just have come from a master that was behind, so that the watermark
   * says something only of shards that its home speaks for.
   */
  private readWithApplied(
    bundles: readonly Bundle[],
  ): Promise<{ found: Found; applied: AppliedWatermark | undefined }> {
    return this.answered('read', async () => {
      const { topology } = this.nodes
      const owners = bundles.map(({ shard }) => topology.masterOf(shard))
      const masters = [...new Set(owners)]
      const replies = await send([
        ...masters.map((master) => this.appliedOn(master)),
        ...bundles.map(({ shard, keys }) =>
          this.at(shard, ['mgetBuffer', ...keys, ...(topology.isCluster ? [this.keys.spokenFor(shard)] : [])]),
        ),
      ])
      const found = replies.slice(masters.length).map(buffersReply)
      const applied = masters.map((master, at) => {
        const { home } = master
        const speaks = ([...texts]: Found): boolean => home === undefined || textOf(texts.at(-1)) === homeText(home)
        if (!found.every((texts, bundle) => owners[bundle] !== master || speaks(texts))) return undefined
        return leastApplied(appliedIn(home, hashReply(replies[at])).values())
      })
      return { found: unbundled(bundles, found), applied: leastApplied(applied) }
    })
  }

  private mget(operation: string, keys: string[], shardOf: (position: number) => number): Promise<Found> {
    const bundles = this.bundles(keys, shardOf)
    const { topology } = this.nodes
    const ask = (bundle: Bundle): Promise<Found> =>
      topology.masterOf(bundle.shard).connection.redis.mgetBuffer(bundle.keys)
    const [first, ...others] = bundles
    if (first === undefined) return Promise.resolve([])
    if (others.length === 0) return this.answered(operation, () => ask(first))
    return this.answered(operation, async () => unbundled(bundles, await Promise.all(bundles.map(ask))))
  }

  /** One, but on a Cluster one for each shard. */
  private bundles(keys: string[], shardOf: (position: number) => number): Bundle[] {
    if (!this.nodes.topology.isCluster) return [{ shard: shardOf(0), keys, positions: [] }]
    const bundles = new Map<number, Bundle>()
    for (const [position, key] of keys.entries()) {
      const shard = shardOf(position)
      const bundle = bundles.get(shard) ?? { shard, keys: [], positions: [] }
      bundles.set(shard, bundle)
      bundle.keys.push(key)
      bundle.positions.push(position)
    }
    return [...bundles.values()]
  }

  private appliedOn(master: Master): Addressed {
    return { master, command: ['hgetall', this.keys.applied(master.home?.place ?? 'namespace')] }
  }

  private at(shard: number, command: Command): Addressed {
    return { master: this.nodes.topology.masterOf(shard), command }
  }

  private run(operation: string, commands: () => readonly Addressed[]): Promise<unknown[]> {
    return this.answered(operation, () => send(commands()))
  }

  private async answered<T>(operation: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (cause) {
      this.nodes.failed(cause)
      throw new ValuesUnavailableError(operation, cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }
}

const textOf = (found: Buffer | null | undefined): string | null => found?.toString('latin1') ?? null

/** What was found, in the order of the keys that were asked for. What a command asked beyond them is left out. */
function unbundled(bundles: readonly Bundle[], found: readonly Found[]): Found {
  const [only, ...others] = bundles
  if (only && others.length === 0) return (found[0] ?? []).slice(0, only.keys.length)
  const all: Found = []
  for (const [at, { positions }] of bundles.entries())
    for (const [index, position] of positions.entries()) all[position] = found[at]?.[index] ?? null
  return all
}

function replyOf({ tags }: ReadRequest, [value = null, ...generations]: readonly (Buffer | null)[]): ReadReply {
  const texts = generations.map(textOf)
  return { value, generations: texts.slice(0, tags.length), extra: texts.slice(tags.length) }
}
