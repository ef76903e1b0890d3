import type { TagGeneration } from '../../src/index.js'
import { rowCount } from './database.js'
import type { Announcement } from './kafka.js'
import { tagsOfFence, type Value } from './redis.js'

interface Entry {
  readonly value: Value
  readonly tags: readonly TagGeneration[]
}

/** L1 of one process: it takes in nothing whose tags were fenced since the reading began, as libs/cache's does. */
export class Memory {
  readonly entries = new Map<string, Entry>()
  /** For the judge: the version of each row whose fence was heard of the present Redis. */
  readonly heard: number[] = new Array<number>(rowCount).fill(0)
  mark = 0
  private heardUpTo = 0
  private readonly lastFence = new Map<string, number>()

  get(key: number | 'sum'): Entry | undefined {
    return this.entries.get(String(key))
  }

  insert(key: number | 'sum', { value, tags }: Entry, mark: number): void {
    if (tags.some((tag) => (this.lastFence.get(nameOf(tag.shard, tag.tag)) ?? 0) > mark)) return
    if ((this.lastFence.get('all') ?? 0) > mark) return
    this.entries.set(String(key), { value, tags })
  }

  /** Hears the next announcement; false where there is none. */
  hear(announcements: readonly Announcement[], failovers: number): boolean {
    const next = announcements[this.heardUpTo]
    if (next === undefined) return false
    this.heardUpTo += 1
    this.mark += 1
    if (next.what === 'all') {
      this.lastFence.set('all', this.mark)
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
    this.lastFence.set(name, this.mark)
    for (const [key, { tags }] of this.entries)
      if (tags.some((tag) => nameOf(tag.shard, tag.tag) === name)) this.entries.delete(key)
  }
}

const nameOf = (shard: number, tag: string): string => `${shard}/${tag}`
