import {
  decodeValue,
  judgeRead,
  shardTagText,
  type MissReason,
  type ShardTag,
  type ValueHeader,
} from '@freshet/coherence'
import { formatLsn } from '@freshet/pgoutput'
import type { KeyDescription } from '@freshet/planner'
import type { ValueStore } from '@freshet/redis'

/** What Redis holds of a key, as of now. */
export interface CachedKey {
  /** Since when its catalog is in force; without it nothing is stored or served. */
  readonly inForceSince?: string
  readonly value: CachedValue
  /** Its governing tags, and those that its value inherited or that its loader named. */
  readonly tags: readonly CachedTag[]
}

/** `unreadable`: written by a version that this one does not know, or damaged. */
export type CachedValue =
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable' }
  | (Filled & { readonly state: 'fresh' })
  | (Filled & { readonly state: 'not fresh'; readonly reason: MissReason; readonly tag: string })

interface Filled {
  readonly ageMs: number
  readonly ttlMs: number
  /** Loaded from a source without transactions. */
  readonly lease?: true
}

export interface CachedTag {
  readonly tag: string
  readonly shard: number
  /** Its generation now; left out where it has none: it was fenced and not asked for since, or nothing was cached. */
  readonly generation?: string
  /** The generation that the value was filled under. */
  readonly filledUnder?: string
  /** Not one of its template's. */
  readonly further?: true
}

/** Looks a key up as a client would (R1), and keeps all that decides. Throws ValuesUnavailableError. */
export async function readCached(values: ValueStore, key: KeyDescription, nowMs = Date.now()): Promise<CachedKey> {
  const { shard, fingerprint } = key
  const required = key.tags.map(({ text }): ShardTag => ({ shard, tag: text }))
  const address = { shard, fingerprint, keyText: key.key }
  const [inForce, reply] = await Promise.all([
    values.catalogInForce(key.owner, key.version),
    values.read({ ...address, tags: required.map(({ tag }) => tag) }),
  ])
  const header = reply.value === null ? undefined : decodeValue(reply.value)?.header
  const further = (header?.x ?? []).map(([at, tag, generation]) => ({ shard: at, tag, generation }))
  const current = await values.generations(further)
  const found = new Map(further.map((tag, at) => [shardTagText(tag), current[at] ?? null]))
  return {
    ...(inForce && { inForceSince: formatLsn(inForce.lsn) }),
    value:
      header === undefined
        ? { state: reply.value === null ? 'absent' : 'unreadable' }
        : judged(header, required, { required: reply.generations, further: found }, nowMs),
    tags: [
      ...required.map((tag, at) => cachedTag(tag, reply.generations[at], header?.g[at])),
      ...further.map((tag, at): CachedTag => ({ ...cachedTag(tag, current[at], tag.generation), further: true })),
    ],
  }
}

function judged(
  header: ValueHeader,
  required: readonly ShardTag[],
  fetched: Parameters<typeof judgeRead>[2],
  nowMs: number,
): CachedValue {
  const { at, ttl, lease } = header
  const filled = { ageMs: nowMs - at, ttlMs: ttl, ...(lease && { lease }) }
  const verdict = judgeRead(header, required, fetched)
  if (verdict === 'fresh') return { state: 'fresh', ...filled }
  if ('miss' in verdict) return { state: 'not fresh', reason: verdict.miss, tag: verdict.tag, ...filled }
  throw new RangeError('all tags of the header were fetched')
}

const cachedTag = (
  { tag, shard }: ShardTag,
  generation: string | null | undefined,
  filledUnder: string | undefined,
): CachedTag => ({
  tag,
  shard,
  ...(typeof generation === 'string' && { generation }),
  ...(filledUnder !== undefined && { filledUnder }),
})
