import { isHonoured, type CommitToken, type TagGeneration } from '../../src/index.js'
import { rowCount } from './database.js'
import type { Announcement, Applied } from './kafka.js'
import { tagsOfFence, type Value } from './redis.js'

interface Entry {
  readonly value: Value
  readonly tags: readonly TagGeneration[]
}

interface Kept extends Entry {
  /** The Redis that it is from; undefined where that was not one and the same all the time. */
  readonly redis: number | undefined
}

export interface Mark {
  readonly fences: number
  readonly redis: number
}

/** L1 of one process: it takes in nothing whose tags were fenced since the reading began, as libs/cache's does. */
export class Memory {
  readonly entries = new Map<string, Kept>()
  /** For the judge: the version of each row whose fence was heard of the present Redis. */
  readonly heard: number[] = new Array<number>(rowCount).fill(0)
  private fences = 0
  private applied: Applied | undefined
  private heardUpTo = 0
  private readonly lastFence = new Map<string, number>()

  get(key: number | 'sum', token?: CommitToken): Entry | undefined {
    const kept = this.entries.get(String(key))
    if (kept === undefined || token === undefined) return kept
    const { applied } = this
    return applied?.redis === kept.redis && isHonoured(token, applied?.watermark) ? kept : undefined
  }

  mark(redis: number): Mark {
    return { fences: this.fences, redis }
  }

  insert(key: number | 'sum', { value, tags }: Entry, mark: Mark, redis: number): void {
    if (tags.some((tag) => (this.lastFence.get(nameOf(tag.shard, tag.tag)) ?? 0) > mark.fences)) return
    if ((this.lastFence.get('all') ?? 0) > mark.fences) return
    this.entries.set(String(key), { value, tags, redis: redis === mark.redis ? redis : undefined })
  }

  /** Hears the next announcement; false where there is none. */
  hear(announcements: readonly Announcement[], failovers: number): boolean {
    const next = announcements[this.heardUpTo]
    if (next === undefined) return false
    this.heardUpTo += 1
    if (typeof next.what === 'object' && 'watermark' in next.what) {
      this.applied = next.what
      return true
    }
    this.fences += 1
    if (next.what === 'all') {
      this.lastFence.set('all', this.fences)
      this.entries.clear()
      return true
    }
    for (const { row, version, wholeTemplate } of next.what) {
      if (next.failovers === failovers) this.heard[row] = Math.max(this.heard[row] ?? 0, version)
      for (const [shard, tag] of tagsOfFence(row, wholeTemplate)) this.drop(nameOf(shard, tag))
    }
    return true
  }

  /** Until its fences are announced again, an older copy of Redis may have filled this memory. */
  failedOver(): void {
    this.heard.fill(0)
  }

  private drop(name: string): void {
    this.lastFence.set(name, this.fences)
    for (const [key, { tags }] of this.entries)
      if (tags.some((tag) => nameOf(tag.shard, tag.tag) === name)) this.entries.delete(key)
  }
}

const nameOf = (shard: number, tag: string): string => `${shard}/${tag}`
