import {
  decodeValue,
  entriesToAsk,
  isHonoured,
  isServableStale,
  judgeRead,
  shardTagText,
  takesStale,
  type FetchedGenerations,
  type ShardTag,
  type StaleRequest,
  type StoredValue,
  type WindowEntry,
} from '@freshet/coherence'
import type { ValueStore } from '@freshet/redis'
import { LRUCache } from 'lru-cache'
import type { Address } from './address.js'
import { decode } from './codec.js'
import { HeldValue } from './held-value.js'
import type { ReadMiss } from './occurrence.js'

/**
 * What Redis had. `generations`: of the required tags, as they came with the value. `stale`: a value that is fenced, and
 * within its window.
 */
export type LookUp =
  | { readonly hit: HeldValue; readonly generations: readonly (string | null)[] }
  | { readonly stale: HeldValue; readonly generations: readonly (string | null)[] }
  | { readonly miss: ReadMiss; readonly generations: readonly (string | null)[] }

/** Keys of which is remembered what else their reads ask for, so that it comes with the first command. */
const REMEMBERED_KEYS = 10_000

/** L2: reads values and judges them (R1). */
export class SharedLayer {
  readonly #further = new LRUCache<string, readonly ShardTag[]>({ max: REMEMBERED_KEYS })
  /** By which windows a key was served last: a value that is fenced is read again and again until it is refreshed. */
  readonly #windows = new LRUCache<string, readonly WindowEntry[]>({ max: REMEMBERED_KEYS })

  constructor(private readonly values: ValueStore) {}

  /**
   * One MGET; one more round trip where a value names tags that were not asked for, and one where it is fenced and may be
   * within its window, unless it was so when it was read last. With a token the applied watermark comes before it, from the same Redis. Throws
   * ValuesUnavailableError.
   */
  async lookUp(address: Address, request: StaleRequest, isSecond = false): Promise<LookUp> {
    const { token } = request
    const { template, key, required, id } = address
    const asked = this.#further.size > 0 ? this.#further.get(id) : undefined
    const windows = this.#windows.size > 0 && takesStale(request) ? this.#windows.get(id) : undefined
    const reply = await this.values.read(
      {
        shard: key.shard,
        fingerprint: template.fingerprint,
        keyText: key.text,
        tags: required.map(({ tag }) => tag),
        withApplied: token !== undefined,
        ...(windows && { windows }),
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
      return isSecond ? { miss: 'behind-token', generations } : this.lookUp(address, request, true)
    }
    let fetched: FetchedGenerations = { required: generations, further }
    if (verdict !== 'fresh' && 'fetch' in verdict) {
      fetched = await this.#alsoFetching(verdict.fetch, fetched)
      verdict = judgeRead(header, required, fetched)
    }
    if (header.x) this.remember(id, header.x)
    if (verdict === 'fresh' && windows) this.#windows.delete(id)
    const known = { asked: windows, open: reply.open }
    if (verdict !== 'fresh' && !(await this.#isWithinWindow(address, stored, fetched, request, known)))
      return { miss: 'miss' in verdict ? verdict.miss : 'generation-lost', generations }
    const value = decoded(payload)
    if (value === UNREADABLE) return { miss: 'unreadable', generations }
    const held = new HeldValue(value, payload.length, header, required)
    return verdict === 'fresh' ? { hit: held, generations } : { stale: held, generations }
  }

  async #isWithinWindow(
    { required, id, key }: Address,
    { header }: StoredValue,
    fetched: FetchedGenerations,
    request: StaleRequest,
    known: KnownWindows,
  ): Promise<boolean> {
    if (!takesStale(request)) return false
    const unknown = (header.x ?? []).flatMap(([shard, tag]) =>
      fetched.further?.has(shardTagText({ shard, tag })) ? [] : [{ shard, tag }],
    )
    const all = unknown.length > 0 ? await this.#alsoFetching(unknown, fetched) : fetched
    const asked = entriesToAsk(header, required, all, request)
    if (asked === undefined) return false
    const own = asked.filter(({ shard }) => shard === key.shard) // what comes with the value lies in its shard
    if (own.length > 0) this.#windows.set(id, own)
    return isServableStale(asked, openAmong(asked, known) ?? (await this.values.openWindows(asked)))
  }

  async #alsoFetching(tags: readonly ShardTag[], known: FetchedGenerations): Promise<FetchedGenerations> {
    const found = await this.values.generations(tags)
    return { required: known.required, further: byTag(tags, found, known.further) }
  }

  remember(id: string, further: readonly (readonly [shard: number, tag: string, ...unknown[]])[]): void {
    this.#further.set(
      id,
      further.map(([shard, tag]) => ({ shard, tag })),
    )
  }
}

/** The windows that were asked for with the value, and which of them were open. */
interface KnownWindows {
  readonly asked: readonly WindowEntry[] | undefined
  readonly open: readonly boolean[] | undefined
}

/** Undefined: one of them was not asked for. */
function openAmong(entries: readonly WindowEntry[], { asked, open }: KnownWindows): readonly boolean[] | undefined {
  if (asked === undefined || open === undefined) return undefined
  const found: boolean[] = []
  for (const { entry, shard } of entries) {
    const position = asked.findIndex((each) => each.entry === entry && each.shard === shard)
    if (position < 0) return undefined
    found.push(open[position] ?? false)
  }
  return found
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
