import { setTimeout as sleep } from 'node:timers/promises'
import type { RetryOptions } from 'kafkajs'

/** kafkajs' own tries: few, since what comes after them (restart, resend) is decided here. */
export const connectionRetry: RetryOptions = {
  retries: 3,
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
  // kafkajs would restart a crashed consumer in some cases only; ours restarts it in all.
  restartOnFailure: () => Promise.resolve(false),
}

/** Under the same sequence numbers, so never twice in the log. With no broker at all a send fails after some 2 s. */
export const sendRetry: RetryOptions = { ...connectionRetry, retries: 8, initialRetryTime: 50 }

/**
 * A member that keeps trying is still the same member when the broker is back. One that gives up and joins anew has to wait
 * until the session of its former self has run out.
 */
export const memberRetry: RetryOptions = { ...connectionRetry, retries: 32 }

/** Doubling pauses with jitter. */
export class Backoff {
  #failures = 0

  constructor(
    private readonly firstMs: number,
    private readonly maxMs: number,
  ) {}

  /** Waits longer after each call. Ends early, without an error, when the signal is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    const limitMs = Math.min(this.maxMs, this.firstMs * 2 ** this.#failures)
    this.#failures += 1
    await pause(limitMs * (0.75 + Math.random() / 4), signal)
  }

  reset(): void {
    this.#failures = 0
  }
}

/** Resolves once the promise does, or when the time is up; rejects if it does so before. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  promise.catch(() => undefined) // told to nobody once the time is up
  await Promise.race([promise, sleep(ms, undefined, { ref: false })])
}

/** Ends early, without an error, when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await sleep(ms, undefined, { signal, ref: true }).catch(() => undefined)
}
