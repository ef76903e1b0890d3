import type { Moment } from '@freshet/coherence'
import type { FenceSession, TakeFloor } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import type { InvalidationOccurrences } from '../occurrences.js'

/**
 * Keeps the recent records short (R8) and there (R6).
 *
 * Shards that this process fenced are pruned at each watermark; every second all of them are, which also finds those that
 * went missing, that another process left behind, or that still hold a floor.
 */
export class RecentRecords {
  private readonly busy = new Set<number>()
  private latest: (Moment & { readonly timeline: number }) | undefined

  constructor(
    private readonly takeFloor: TakeFloor,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
  ) {}

  /** These shards hold transactions now. */
  fenced(shards: Iterable<number>): void {
    for (const shard of shards) this.busy.add(shard)
  }

  /** One of an older timeline, from a backlog, prunes nothing: LSNs of two timelines do not compare (R8). */
  async prune(session: FenceSession, watermark: Moment & { readonly timeline: number }): Promise<void> {
    if (this.latest && watermark.timeline < this.latest.timeline) return
    this.latest = watermark
    if (this.busy.size === 0) return
    const shards = [...this.busy]
    this.busy.clear()
    this.fenced((await session.prune(shards, watermark)).busy)
  }

  /** Looks at every shard; the first look of an empty Redis creates all records, each behind a floor. */
  async sweep(session: FenceSession): Promise<void> {
    if (!this.latest) return
    const { missing, busy } = await session.prune('all', this.latest)
    this.fenced(busy)
    if (missing.length === 0) return
    await session.recover(missing, this.takeFloor)
    this.fenced(missing)
    this.occurrences.emit('shards:recovered', { shards: missing.length })
  }
}
