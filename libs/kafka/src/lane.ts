import type { TopicPartition } from './port.js'
import { Backoff } from './retries.js'

/**
 * One partition for as long as it is assigned without a break.
 *
 *   seeking --its position is known--> ready --batch--> handling --handled--> ready
 *      ^                                 |                  |
 *      +------------ resume -------------+     error -------+--> seeking, after a pause
 *   any --taken away--> revoked; its signal is aborted
 */
export class Lane implements TopicPartition {
  mode: 'seeking' | 'ready' | 'handling' | 'revoked' = 'seeking'
  /** The next offset to be handled; known once it is no longer seeking for the first time. */
  position = 0n
  /** Why it is behind, while it is. */
  failure: string | undefined
  /** Raised by each new search for the position, so that an older one that is still under way has no effect. */
  search = 0
  /** The handler at work, also after the partition was taken away. */
  running: Promise<unknown> = Promise.resolve()
  readonly backoff: Backoff
  readonly #abort = new AbortController()

  constructor(
    readonly topic: string,
    readonly partition: number,
    retryMs: number,
    retryMaxMs: number,
  ) {
    this.backoff = new Backoff(retryMs, retryMaxMs)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  revoke(): void {
    this.mode = 'revoked'
    this.#abort.abort()
  }

  succeeded(position: bigint): void {
    this.position = position
    this.failure = undefined
    this.backoff.reset()
  }
}

export const laneKey = (topic: string, partition: number): string => `${topic}/${partition}`
