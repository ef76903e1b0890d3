import { shardTagText, type ShardTag } from './generation.js'
import type { ValueHeader } from './value-codec.js'

/** The generations that came with a value, `null` where the tag has none. */
export interface FetchedGenerations {
  /** Of the tags that the reader's template requires, in their order. */
  readonly required: readonly (string | null)[]
  /** Of further tags, by `shardTagText`. */
  readonly further?: ReadonlyMap<string, string | null>
}

/** Why a value that was found may not be served as fresh. */
export type MissReason = 'governed-otherwise' | 'generation-lost' | 'fenced'

/** `fetch`: the header names tags that were not fetched; fetch them once and judge again. */
export type ReadVerdict =
  'fresh' | { readonly fetch: readonly ShardTag[] } | { readonly miss: MissReason; readonly tag: string }

/**
 * May this value be served as fresh? (R1.) Only if every tag that the reader's template requires and every tag that the
 * header names was fetched, exists, and has the generation of the header.
 */
export function judgeRead(
  header: ValueHeader,
  required: readonly ShardTag[],
  fetched: FetchedGenerations,
): ReadVerdict {
  if (header.g.length !== required.length) return { miss: 'governed-otherwise', tag: required[0]?.tag ?? '' }
  for (const [position, { tag }] of required.entries()) {
    const miss = compare(header.g[position], fetched.required[position])
    if (miss) return { miss, tag }
  }
  if (header.x === undefined) return 'fresh'
  const fetch: ShardTag[] = []
  for (const [shard, tag, generation] of header.x) {
    const current = fetched.further?.get(shardTagText({ shard, tag }))
    if (current === undefined) {
      fetch.push({ shard, tag })
      continue
    }
    const miss = compare(generation, current)
    if (miss) return { miss, tag }
  }
  return fetch.length > 0 ? { fetch } : 'fresh'
}

function compare(stored: string | undefined, current: string | null | undefined): MissReason | undefined {
  if (current === null || current === undefined) return 'generation-lost'
  return stored === current ? undefined : 'fenced'
}
