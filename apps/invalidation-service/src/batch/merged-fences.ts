import { SHARDS, type Tag } from '@freshet/cache-keys'
import type { Commit, Plan, Refresh } from '@freshet/planner'

/** What one shard has to be fenced for: its tags, under the transactions that made them wrong. */
export interface ShardFence {
  readonly shard: number
  readonly tags: readonly string[]
  readonly transactions: readonly { readonly xid: Commit['xid']; readonly lsn: Commit['lsn'] }[]
}

/** What clients are told: the tags of one shard, or of all of them, and the oldest commit among their causes. */
export interface Announcement {
  readonly shard: number | 'all'
  readonly tags: readonly string[]
  readonly commit: Commit
}

interface Group {
  readonly tags: Set<string>
  readonly commits: Map<bigint, Commit>
  oldest: Commit
}

/**
 * Collects the plans of one batch and merges them: each tag once, each transaction once a shard.
 *
 * A shard's tags are all fenced under all of the shard's transactions. That names more pairs than the plans did, which
 * can only refuse a fill that would have been allowed, and keeps the commands proportional to tags + transactions.
 */
export class MergedFences {
  private readonly groups = new Map<number | 'all', Group>()
  private readonly refreshesByKey = new Map<string, Refresh & { readonly commit: Commit }>()
  private readonly evictionKeys = new Set<string>()

  add(plan: Plan, commit: Commit): void {
    for (const fence of plan.fences) this.fence(fence.tag, commit)
    for (const key of plan.evictions) this.evictionKeys.add(key)
    for (const refresh of plan.refreshes) this.refreshesByKey.set(refresh.key, { ...refresh, commit })
  }

  fence(tag: Tag, commit: Commit): void {
    const group = this.groups.get(tag.shard)
    if (!group) {
      this.groups.set(tag.shard, { tags: new Set([tag.text]), commits: new Map([[commit.xid, commit]]), oldest: commit })
      return
    }
    group.tags.add(tag.text)
    group.commits.set(commit.xid, commit)
    if (commit.at < group.oldest.at) group.oldest = commit
  }

  get isEmpty(): boolean {
    return this.groups.size === 0 && this.evictionKeys.size === 0
  }

  /** How many tags the batch fences, a template's tag counted once. */
  get tagCount(): number {
    let count = 0
    for (const group of this.groups.values()) count += group.tags.size
    return count
  }

  /** The first of the commits that fenced something; undefined when none did. */
  get oldestCommit(): Commit | undefined {
    let oldest: Commit | undefined
    for (const group of this.groups.values()) if (!oldest || group.oldest.at < oldest.at) oldest = group.oldest
    return oldest
  }

  get evictions(): readonly string[] {
    return [...this.evictionKeys]
  }

  get refreshes(): readonly (Refresh & { readonly commit: Commit })[] {
    return [...this.refreshesByKey.values()]
  }

  get announcements(): readonly Announcement[] {
    return [...this.groups].map(([shard, group]) => ({ shard, tags: [...group.tags], commit: group.oldest }))
  }

  /** The commands' view: a tag that lies in every shard is spread over all of them. */
  shardFences(): readonly ShardFence[] {
    const everywhere = this.groups.get('all')
    if (!everywhere) return [...this.groups].map(([shard, group]) => shardFence(Number(shard), [group]))
    return Array.from({ length: SHARDS }, (_, shard) => {
      const own = this.groups.get(shard)
      return shardFence(shard, own ? [everywhere, own] : [everywhere])
    })
  }
}

function shardFence(shard: number, groups: readonly Group[]): ShardFence {
  const commits = new Map(groups.flatMap((group) => [...group.commits]))
  return {
    shard,
    tags: [...new Set(groups.flatMap((group) => [...group.tags]))],
    transactions: [...commits.values()].map(({ xid, lsn }) => ({ xid, lsn })),
  }
}
