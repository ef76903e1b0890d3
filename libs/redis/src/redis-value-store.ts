import type { Tag } from '@freshet/cache-keys'
import { leastApplied, newGeneration, type AppliedWatermark, type ShardTag, type WindowEntry } from '@freshet/coherence'
import type { Redis } from 'ioredis'
import { call, type Command } from './connection.js'
import { catalogField } from './fence-session.js'
import type { CatalogInForce } from './fence-store.js'
import { marksOf } from './home-ledger.js'
import type { Keys } from './keys.js'
import { leastOf } from './ledger.js'
import { parseRecent } from './recent-fields.js'
import { buffersReply, hashReply, textsReply } from './replies.js'
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

interface FoundWithApplied<T> {
  readonly found: T
  readonly applied: AppliedWatermark | undefined
}

export class RedisValueStore implements ValueStore {
  constructor(
    private readonly nodes: Nodes,
    private readonly keys: Keys,
  ) {}

  async read(request: ReadRequest, extra: readonly ShardTag[] = []): Promise<ReadReply> {
    const { shard, tags, windows = [] } = request
    const keys = [this.keys.value(request)]
    for (const tag of tags) keys.push(this.keys.generation(shard, tag))
    for (const window of windows) keys.push(this.keys.window(window))
    const own = keys.length
    for (const tag of extra) keys.push(this.keys.generationOf(tag))
    const { topology } = this.nodes
    if (!request.withApplied && (extra.length === 0 || !topology.isCluster)) {
      const ask = (): Promise<Found> => topology.masterOf(shard).connection.redis.mgetBuffer(keys)
      return replyOf(request, await this.answered('read', ask))
    }
    const bundles = this.bundles(keys, (position) => extra[position - own]?.shard ?? shard)
    if (!request.withApplied)
      return replyOf(request, await this.inBundles('read', bundles, (redis, asked) => redis.mgetBuffer(asked)))
    const { found, applied } = await this.readWithApplied(bundles)
    return { ...replyOf(request, found), applied }
  }

  async generations(tags: readonly ShardTag[]): Promise<readonly (string | null)[]> {
    if (tags.length === 0) return []
    const keys = tags.map((tag) => this.keys.generationOf(tag))
    const bundles = this.bundles(keys, (at) => tags[at]?.shard ?? 0)
    return this.inBundles('read generations', bundles, (redis, asked) => redis.mget(asked))
  }

  async openWindows(entries: readonly WindowEntry[]): Promise<readonly boolean[]> {
    if (entries.length === 0) return []
    const keys = entries.map((entry) => this.keys.window(entry))
    const bundles = this.bundles(keys, (at) => entries[at]?.shard ?? 0)
    const found = await this.inBundles('read windows', bundles, (redis, asked) => redis.mget(asked))
    return found.map((each) => each !== null)
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
    return leastApplied(masters.map(({ home }, at) => leastOf(marksOf(home, hashReply(replies[at])))))
  }

  /** An eviction can take a generation between the two commands; nothing may be stored under a missing one. */
  private async createGenerations(tags: readonly ShardTag[], ttlMs: number): Promise<string[]> {
    if (tags.length === 0) return []
    const keys = tags.map((tag) => this.keys.generationOf(tag))
    const bundles = this.bundles(keys, (at) => tags[at]?.shard ?? 0)
    const replies = await this.run('capture generations', () => [
      ...tags.map((tag, at) => this.at(tag.shard, ['set', keys[at] ?? '', newGeneration(), 'PX', ttlMs, 'NX'])),
      ...bundles.map((bundle) => this.at(bundle.shard, ['mget', ...bundle.keys])),
    ])
    const found = unbundled(bundles, replies.slice(tags.length).map(textsReply))
    const generations = found.filter((generation) => generation !== null)
    if (generations.length < tags.length)
      throw new ValuesUnavailableError('capture generations', 'a generation was evicted as soon as it was made')
    return generations
  }

  private readWithApplied(bundles: readonly Bundle[]): Promise<FoundWithApplied<Found>> {
    return this.answered('read', async () => {
      const { topology } = this.nodes
      const parts = Map.groupBy(bundles, ({ shard }) => topology.masterOf(shard))
      const answers = await Promise.all(Array.from(parts, ([master, asked]) => this.readOn(master, asked)))
      const asked = [...parts.values()].flat()
      const found = unbundled(
        asked,
        answers.flatMap((answer) => answer.found),
      )
      return { found, applied: leastApplied(answers.map(({ applied }) => applied)) }
    })
  }

  /**
   * The master's applied watermark before the generations, in one pipeline: of the token's commit, all that was fenced on it
   * is seen (G3). On a Cluster a shard may just have come from a master that was behind, so that the watermark counts only if
   * its home speaks for the shard.
   */
  private async readOn(master: Master, bundles: readonly Bundle[]): Promise<FoundWithApplied<Found[]>> {
    const { home, connection, number } = master
    const reads = bundles.map(({ shard, keys }): Command => {
      return home ? ['mgetBuffer', ...keys, this.keys.spokenFor(shard)] : ['mgetBuffer', ...keys]
    })
    const [fields, ...replies] = await connection.pipeline([this.appliedOn(master).command, ...reads], number)
    const found = replies.map(buffersReply)
    const isSpokenFor = home === undefined || found.every((texts) => textOf(texts.at(-1)) === homeText(home))
    return { found, applied: isSpokenFor ? leastOf(marksOf(home, hashReply(fields))) : undefined }
  }

  private inBundles<T>(
    operation: string,
    bundles: readonly Bundle[],
    ask: (redis: Redis, keys: string[]) => Promise<(T | null)[]>,
  ): Promise<(T | null)[]> {
    const { topology } = this.nodes
    return this.answered(operation, async () => {
      const found = bundles.map(({ shard, keys }) => ask(topology.masterOf(shard).connection.redis, keys))
      return unbundled(bundles, await Promise.all(found))
    })
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
function unbundled<T>(bundles: readonly Bundle[], found: readonly (T | null)[][]): (T | null)[] {
  const [first] = bundles
  if (first && bundles.length === 1) return (found[0] ?? []).slice(0, first.keys.length)
  const all: (T | null)[] = []
  for (const [at, { positions }] of bundles.entries())
    for (const [index, position] of positions.entries()) all[position] = found[at]?.[index] ?? null
  return all
}

function replyOf({ tags, windows = [] }: ReadRequest, [value = null, ...found]: readonly (Buffer | null)[]): ReadReply {
  const own = tags.length + windows.length
  return {
    value,
    generations: found.slice(0, tags.length).map(textOf),
    extra: found.slice(own).map(textOf),
    ...(windows.length > 0 && { open: found.slice(tags.length, own).map((each) => each !== null) }),
  }
}
