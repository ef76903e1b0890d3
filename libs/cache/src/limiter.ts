import { LoadLimitError } from './errors.js'

/** How much the source is asked at a time; see CacheOptions. */
export interface LoadLimit {
  readonly concurrency: number
  readonly queue: number
}

/** A place among the loads; `leave` must be called once `ready` has resolved or is no longer waited for. */
export interface Place {
  readonly ready: Promise<void>
  /** Lets it go now: a load that already has a place waits for it, and would wait for ever if all places were held so. */
  expedite(): void
  leave(): void
}

/** Lets so many loads run and so many wait; what comes on top gets an error, never an unbounded queue. */
export class LoadLimiter {
  #running = 0
  readonly #waiting = new Set<() => void>()

  constructor(private readonly limit: LoadLimit) {}

  /** Throws LoadLimitError when all places and the queue are taken. */
  enter(template: string): Place {
    const { concurrency, queue } = this.limit
    let mode: 'waiting' | 'running' | 'left' = 'running'
    const leave = (): void => {
      if (mode === 'running') this.#next()
      else this.#waiting.delete(go)
      mode = 'left'
    }
    let resolve = (): void => undefined
    const go = (): void => {
      if (mode !== 'waiting') return
      mode = 'running'
      this.#waiting.delete(go)
      this.#running++
      resolve()
    }
    if (this.#running < concurrency) {
      this.#running++
      return { ready: Promise.resolve(), expedite: go, leave }
    }
    if (this.#waiting.size >= queue) throw new LoadLimitError(template, concurrency, queue)
    mode = 'waiting'
    const ready = new Promise<void>((resolved) => (resolve = resolved))
    this.#waiting.add(go)
    return { ready, expedite: go, leave }
  }

  #next(): void {
    this.#running--
    if (this.#running >= this.limit.concurrency) return // expedited loads stood on top
    const [first] = this.#waiting
    first?.()
  }
}
