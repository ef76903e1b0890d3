import { HeavyKeeper } from './heavy-keeper.js'

/** How often a key was read in an interval. */
export interface KeyCount {
  readonly key: string
  readonly count: number
}

export interface AccessCounterOptions {
  /** Keys that an interval reports; 200 by default. */
  readonly top?: number
  /** After how many intervals old reads count half; 60 by default. */
  readonly ageAfter?: number
  readonly random?: () => number
}

interface Counted {
  /** In this interval. */
  count: number
  /** Of all time, as the sketch had it with the first of them. */
  readonly estimate: number
}

/** Keys that are counted exactly in one interval, for each that is reported. */
const COUNTED_PER_REPORTED = 5

/**
 * Counts the reads of one process, interval by interval. Within an interval keys are counted exactly as long as there is
 * room; where there is none, those stay that the sketch knows to be read most over time, so that a hot key is reported
 * with every single read of its, and not only in intervals in which it happens to be among the first.
 *
 * A key that is counted already costs one look-up: the sketch hears of its further reads when the interval ends, or the key
 * has to make room.
 */
export class AccessCounter {
  readonly #sketch: HeavyKeeper
  readonly #counted = new Map<string, Counted>()
  readonly #top: number
  readonly #ageAfter: number
  #intervals = 0
  /** What a new key has to exceed. */
  #floor = 0

  constructor({ top = 200, ageAfter = 60, random = Math.random }: AccessCounterOptions = {}) {
    this.#top = top
    this.#ageAfter = ageAfter
    this.#sketch = new HeavyKeeper(undefined, random)
  }

  read(key: string): void {
    const known = this.#counted.get(key)
    if (known !== undefined) {
      known.count++
      return
    }
    const estimate = this.#sketch.add(key)
    if (estimate <= this.#floor) return
    this.#counted.set(key, { count: 1, estimate })
    if (this.#counted.size > COUNTED_PER_REPORTED * this.#top) this.#makeRoom()
  }

  /** Ends the interval: the keys that are read most over time, with how often they were in this interval. */
  take(): readonly KeyCount[] {
    const ranked = this.#mostReadFirst()
    for (const [key, counted] of ranked) this.#remember(key, counted)
    this.#counted.clear()
    this.#floor = 0
    if (++this.#intervals % this.#ageAfter === 0) this.#sketch.age()
    return ranked.slice(0, this.#top).map(([key, { count }]) => ({ key, count }))
  }

  #makeRoom(): void {
    const ranked = this.#mostReadFirst()
    for (const [key, counted] of ranked.slice(2 * this.#top)) {
      this.#remember(key, counted)
      this.#counted.delete(key)
    }
    const last = ranked[2 * this.#top - 1]
    this.#floor = last ? overAll(last[1]) : 0
  }

  #mostReadFirst(): [key: string, Counted][] {
    return [...this.#counted].sort(([, left], [, right]) => overAll(right) - overAll(left))
  }

  #remember(key: string, { count }: Counted): void {
    if (count > 1) this.#sketch.add(key, count - 1)
  }
}

const overAll = ({ count, estimate }: Counted): number => estimate + count - 1
