import { decodeValue, isHonoured, judgeRead, shardTagText, type CommitToken, type ShardTag } from '@freshet/coherence'
import type { ValueStore } from '@freshet/redis'
import { LRUCache } from 'lru-cache'
import type { Address } from './address.js'
import { decode } from './codec.js'
import { HeldValue } from './held-value.js'
import type { ReadMiss } from './occurrence.js'

/** What Redis had. `generations`: of the required tags, as they came with the value. */
export type LookUp =
  | { readonly hit: HeldValue; readonly generations: readonly (string | null)[] }
  | { readonly miss: ReadMiss; readonly generations: readonly (string | null)[] }

/** Keys whose further tags are remembered, so that they come with the first command. */
const REMEMBERED_KEYS = 10_000

/** L2: reads values and judges them (R1). */
export class SharedLayer {
  readonly #further = new LRUCache<string, readonly ShardTag[]>({ max: REMEMBERED_KEYS })

  constructor(private readonly values: ValueStore) {}

  /**
   * One MGET; two round trips where a value names tags that were not asked for. With a token the applied watermark comes
   * before it, from the same Redis. Throws ValuesUnavailableError.
   */
  async lookUp(address: Address, token?: CommitToken, isSecond = false): Promise<LookUp> {
    const { template, key, required, id } = address
    const asked = this.#further.size > 0 ? this.#further.get(id) : undefined
    const reply = await this.values.read(
      {
        shard: key.shard,
        fingerprint: template.fingerprint,
        keyText: key.text,
        tags: required.map(({ tag }) => tag),
        withApplied: token !== undefined,
      },
      asked,
    )
    const { generations } = reply
    if (token && !isHonoured(token, reply.applied)) return { miss: 'behind-token', generations }
    if (reply.value === null) return { miss: 'absent', generations }
    const stored = decodeValue(reply.value)
    if (stored === undefined) return { miss: 'unreadable', generations }
    const { header, payload } = stored
    const further = byTag(asked, reply.extra)
    let verdict = judgeRead(header, required, { required: generations, further })
    if (verdict !== 'fresh' && 'fetch' in verdict && token) {
      // what comes later can be from another Redis than the watermark: all of it is asked for again, in one
      if (header.x) this.remember(id, header.x)
      return isSecond ? { miss: 'behind-token', generations } : this.lookUp(address, token, true)
    }
    if (verdict !== 'fresh' && 'fetch' in verdict) {
      const fetched = await this.values.generations(verdict.fetch)
      verdict = judgeRead(header, required, {
        required: generations,
        further: byTag(verdict.fetch, fetched, further),
      })
    }
    if (header.x) this.remember(id, header.x)
    if (verdict !== 'fresh') return { miss: 'miss' in verdict ? verdict.miss : 'generation-lost', generations }
    const value = decoded(payload)
    if (value === UNREADABLE) return { miss: 'unreadable', generations }
    return { hit: new HeldValue(value, payload.length, header, required), generations }
  }

  remember(id: string, further: readonly (readonly [shard: number, tag: string, ...unknown[]])[]): void {
    this.#further.set(
      id,
      further.map(([shard, tag]) => ({ shard, tag })),
    )
  }
}

const UNREADABLE = Symbol('unreadable')

/** Another program may have written under our key; that must not break reads. */
function decoded(payload: Buffer): unknown {
  try {
    return decode(payload)
  } catch {
    return UNREADABLE
  }
}

const NONE: ReadonlyMap<string, string | null> = new Map()

function byTag(
  tags: readonly ShardTag[] | undefined,
  generations: readonly (string | null)[],
  known: ReadonlyMap<string, string | null> = NONE,
): ReadonlyMap<string, string | null> {
  if (tags === undefined) return known
  const found = new Map(known)
  for (const [position, tag] of tags.entries()) found.set(shardTagText(tag), generations[position] ?? null)
  return found
}
