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
  count: number
  /** Of all time, as the sketch has it. */
  estimate: number
}

/** Keys that are counted exactly in one interval, for each that is reported. */
const COUNTED_PER_REPORTED = 5

/**
 * Counts the reads of one process, interval by interval. Within an interval keys are counted exactly as long as there is
 * room; where there is none, those stay that the sketch knows to be read most over time, so that a hot key is reported
 * with every single read of its, and not only in intervals in which it happens to be among the first.
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
    const estimate = this.#sketch.add(key)
    const known = this.#counted.get(key)
    if (known !== undefined) {
      known.count++
      known.estimate = Math.max(known.estimate, estimate)
    } else if (estimate > this.#floor) {
      this.#counted.set(key, { count: 1, estimate })
      if (this.#counted.size > COUNTED_PER_REPORTED * this.#top) this.#makeRoom()
    }
  }

  /** Ends the interval: the keys that are read most over time, with how often they were in this interval. */
  take(): readonly KeyCount[] {
    const reported = this.#mostRead(this.#top).map(([key, { count }]) => ({ key, count }))
    this.#counted.clear()
    this.#floor = 0
    if (++this.#intervals % this.#ageAfter === 0) this.#sketch.age()
    return reported
  }

  #makeRoom(): void {
    const kept = this.#mostRead(2 * this.#top)
    this.#counted.clear()
    for (const [key, counted] of kept) this.#counted.set(key, counted)
    this.#floor = kept.at(-1)?.[1].estimate ?? 0
  }

  #mostRead(most: number): [key: string, Counted][] {
    return [...this.#counted].sort(([, left], [, right]) => right.estimate - left.estimate).slice(0, most)
  }
}
