import type { Tag } from '@freshet/cache-keys'
import type { RecentTransaction, ShardTag } from '@freshet/coherence'
import type { ShardFence } from './fence-store.js'
import { everyShard } from './topology.js'

/** A tag to fence, and the transactions that made its values wrong. */
export interface TagFence {
  readonly tag: Tag
  readonly transactions: readonly RecentTransaction[]
  /** The windows that its rotation opens, in milliseconds (`windowsToOpen`). */
  readonly windowsMs?: readonly number[]
}

/** A tag in each shard that it lives in: one, or all for a template's. */
export const placesOf = ({ text, shard }: Tag): ShardTag[] =>
  shard === 'all' ? everyShard.map((each) => ({ shard: each, tag: text })) : [{ shard, tag: text }]

/** Merges a batch by shard, each tag and each transaction once. */
export function shardFences(fences: Iterable<TagFence>): ShardFence[] {
  const merged = new Map<number, Merged>()
  for (const { tag, transactions, windowsMs = [] } of fences) {
    for (const place of placesOf(tag)) {
      const fence = merged.get(place.shard) ?? { tags: new Set(), transactions: new Map(), windowsMs: new Map() }
      merged.set(place.shard, fence)
      fence.tags.add(place.tag)
      if (windowsMs.length > 0) fence.windowsMs.set(place.tag, windowsMs)
      for (const each of transactions) fence.transactions.set(each.xid, each)
    }
  }
  return [...merged].map(([shard, { tags, transactions, windowsMs }]) => ({
    shard,
    tags: [...tags],
    transactions: [...transactions.values()],
    ...(windowsMs.size > 0 && { windowsMs }),
  }))
}

interface Merged {
  readonly tags: Set<string>
  readonly transactions: Map<bigint, RecentTransaction>
  readonly windowsMs: Map<string, readonly number[]>
}
