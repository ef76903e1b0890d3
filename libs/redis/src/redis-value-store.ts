import { randomInt } from 'node:crypto'
import type { Tag } from '@freshet/cache-keys'
import { leastApplied, newGeneration, type AppliedWatermark, type ShardTag } from '@freshet/coherence'
import { call, type Command, type Connection } from './connection.js'
import { catalogField } from './fence-session.js'
import type { CatalogInForce } from './fence-store.js'
import type { Keys } from './keys.js'
import { parseRecent } from './recent-fields.js'
import { buffersReply, hashReply, textsReply } from './replies.js'
import { rotation } from './rotation.js'
import { renewScript } from './scripts.js'
import { placesOf } from './shard-fences.js'
import { parseApplied, parseCatalog } from './state-codec.js'
import { ValuesUnavailableError } from './unavailable.js'
import type { Captured, ReadReply, ReadRequest, ValueAddress, ValueStore } from './value-store.js'

/** Few enough that readers get in between. */
const KEYS_PER_SCAN = 200

export class RedisValueStore implements ValueStore {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {}

  async read(request: ReadRequest, extra: readonly ShardTag[] = []): Promise<ReadReply> {
    const keys = [this.keys.value(request)]
    for (const tag of request.tags) keys.push(this.keys.generation(request.shard, tag))
    for (const tag of extra) keys.push(this.keys.generationOf(tag))
    if (!request.withApplied)
      return replyOf(request, await this.answered('read', () => this.connection.redis.mgetBuffer(keys)))
    const [fields, found] = await this.run('read', [
      ['hgetall', this.keys.applied],
      ['mgetBuffer', ...keys],
    ])
    return { ...replyOf(request, buffersReply(found)), applied: leastOf(hashReply(fields)) }
  }

  async generations(tags: readonly ShardTag[]): Promise<readonly (string | null)[]> {
    if (tags.length === 0) return []
    return this.answered('read generations', () =>
      this.connection.redis.mget(tags.map((tag) => this.keys.generationOf(tag))),
    )
  }

  async capture(tags: readonly ShardTag[], ttlMs: number): Promise<Captured> {
    const keys = tags.map((tag) => this.keys.generationOf(tag))
    const generations = await this.createGenerations(keys, ttlMs)
    const shards = [...new Set(tags.map(({ shard }) => shard))]
    const recents = await this.run(
      'capture recent records', // R2: only after the generations are there
      shards.map((shard) => ['hgetall', this.keys.recent(shard)]),
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
    await this.run('store', [
      ...renew.map((tag) => call(renewScript, this.keys.generationOf(tag), `${renewMs}`)),
      ['set', this.keys.value(address), bytes, 'PX', ttlMs],
    ])
  }

  async rotate(tags: readonly Tag[]): Promise<void> {
    await this.run('rotate', rotation(this.keys, tags.flatMap(placesOf)))
  }

  async catalogInForce(owner: string, version: string): Promise<CatalogInForce | undefined> {
    const field = catalogField(owner, version)
    const text = await this.answered('read catalog', () => this.connection.redis.hget(this.keys.catalogs, field))
    return text === null ? undefined : parseCatalog(text)
  }

  async *addresses(): AsyncIterable<ValueAddress> {
    const start = randomInt(2 ** 32)
    yield* this.#scan(start, () => false)
    yield* this.#scan(0, (cursor) => isPast(cursor, start))
  }

  async *#scan(start: number, ends: (cursor: number) => boolean): AsyncIterable<ValueAddress> {
    let from = String(start)
    do {
      const scan = () => this.connection.redis.scan(from, 'MATCH', this.keys.everyValue, 'COUNT', KEYS_PER_SCAN)
      const [next, found] = await this.answered('scan', scan)
      yield* found.flatMap((key) => this.keys.addressIn(key) ?? [])
      from = next
    } while (from !== '0' && !ends(Number(from)))
  }

  async applied(): Promise<AppliedWatermark | undefined> {
    return leastOf(await this.answered('read watermarks', () => this.connection.redis.hgetall(this.keys.applied)))
  }

  /** An eviction can take a generation between the two commands; nothing may be stored under a missing one. */
  private async createGenerations(keys: readonly string[], ttlMs: number): Promise<string[]> {
    if (keys.length === 0) return []
    const create = keys.map((key): Command => ['set', key, newGeneration(), 'PX', ttlMs, 'NX'])
    const replies = await this.run('capture generations', [...create, ['mget', ...keys]])
    const generations = textsReply(replies.at(-1)).filter((generation) => generation !== null)
    if (generations.length < keys.length)
      throw new ValuesUnavailableError('capture generations', 'a generation was evicted as soon as it was made')
    return generations
  }

  private run(operation: string, commands: readonly Command[]): Promise<unknown[]> {
    return this.answered(operation, () => this.connection.pipeline(commands))
  }

  private async answered<T>(operation: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (cause) {
      throw new ValuesUnavailableError(operation, cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }
}

/**
 * SCAN counts in the bits of its cursor from the other end, so that any number is a place to begin at (Redis, dict.c,
 * dictScan: P. Noordhuis' reverse binary iteration).
 */
const isPast = (cursor: number, start: number): boolean => reversed(cursor) > reversed(start)

const reversed = (bits: number): number =>
  Number.parseInt((bits % 2 ** 32).toString(2).padStart(32, '0').split('').reverse().join(''), 2)

const leastOf = (fields: Readonly<Record<string, string>>): AppliedWatermark | undefined =>
  leastApplied(Object.values(fields).map(parseApplied))

function replyOf({ tags }: ReadRequest, [value = null, ...generations]: readonly (Buffer | null)[]): ReadReply {
  const texts = generations.map((generation) => generation?.toString('latin1') ?? null)
  return { value, generations: texts.slice(0, tags.length), extra: texts.slice(tags.length) }
}
