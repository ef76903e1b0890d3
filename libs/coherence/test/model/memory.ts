import { isHonoured, type CommitToken } from '../../src/index.js'
import type { Announcement, Applied } from './kafka.js'
import { nameOf, promiseCount, type Catalogs } from './keys.js'
import type { Captured, Value } from './place.js'
import type { Switch } from './switches.js'

interface Entry {
  readonly value: Value
  readonly tags: readonly Captured[]
}

interface Kept extends Entry {
  /** The Redis that it is from; undefined where that was not one and the same all the time. */
  readonly redis: string | undefined
}

export interface Mark {
  readonly fences: number
  readonly redis: string
}

/** L1 of one process: it takes in nothing whose tags were fenced since the reading began, as libs/cache's does. */
export class Memory {
  readonly entries = new Map<string, Kept>()
  /** For the judge, by promise: the version whose fence was heard of the present Redis. */
  readonly heard: number[] = new Array<number>(promiseCount).fill(0)
  private fences = 0
  private applied: Applied | undefined
  private heardUpTo = 0
  private readonly lastFence = new Map<string, number>()

  constructor(
    private readonly catalogs: Catalogs,
    private readonly without: Switch | undefined,
  ) {}

  get(key: string, token?: CommitToken): Entry | undefined {
    const kept = this.entries.get(key)
    if (kept === undefined || token === undefined) return kept
    const { applied } = this
    const isOfOne = applied?.redis === kept.redis || this.without === 'memory answers tokens for any Redis'
    return isOfOne && isHonoured(token, applied?.watermark) ? kept : undefined
  }

  mark(redis: string): Mark {
    return { fences: this.fences, redis }
  }

  insert(key: string, { value, tags }: Entry, mark: Mark, redis: string): void {
    if (tags.some((tag) => (this.lastFence.get(nameOf(tag)) ?? 0) > mark.fences)) return
    this.entries.set(key, { value, tags, redis: redis === mark.redis ? redis : undefined })
  }

  /** Hears the next announcement; false where there is none. */
  hear(announcements: readonly Announcement[], failovers: readonly number[]): boolean {
    const next = announcements[this.heardUpTo]
    if (next === undefined) return false
    this.heardUpTo += 1
    if ('watermark' in next.what) {
      this.applied = next.what
      return true
    }
    this.fences += 1
    for (const [promise, version] of next.what.promises) {
      const place = this.catalogs.shardOfPromise[promise] ?? 0
      if (next.failovers[place] === failovers[place]) this.heard[promise] = Math.max(this.heard[promise] ?? 0, version)
    }
    for (const tag of next.what.tags) this.drop(nameOf(tag))
    return true
  }

  /** Until its fences are announced again, nothing is promised of these places. */
  failedOver(places: readonly number[]): void {
    for (const promise of this.heard.keys())
      if (places.includes(this.catalogs.shardOfPromise[promise] ?? 0)) this.heard[promise] = 0
  }

  private drop(name: string): void {
    this.lastFence.set(name, this.fences)
    for (const [key, { tags }] of this.entries) if (tags.some((tag) => nameOf(tag) === name)) this.entries.delete(key)
  }
}
