import { setTimeout as delay } from 'node:timers/promises'

/** What was seen when a wait ran out of time. */
export class WaitTimeoutError extends Error {
  readonly code = 'FRESHET_WAIT_TIMEOUT'
  readonly lastSeen: unknown

  constructor(deadlineMs: number, lastSeen: unknown) {
    super(`not within ${deadlineMs} ms; last seen: ${lastSeen instanceof Error ? lastSeen.message : String(lastSeen)}`)
    this.name = 'WaitTimeoutError'
    this.lastSeen = lastSeen
  }
}

/**
 * Tries `attempt` until it no longer throws. Throws WaitTimeoutError after `deadlineMs`, and what `giveUp` throws
 * as soon as it throws.
 */
export async function untilPasses(
  attempt: () => Promise<void>,
  deadlineMs: number,
  giveUp: () => Promise<void> | void,
): Promise<void> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    await giveUp()
    try {
      await attempt()
      await giveUp() // an answer does not count if the server is gone: another one may have answered
      return
    } catch (error) {
      await giveUp()
      if (performance.now() > deadline) throw new WaitTimeoutError(deadlineMs, error)
    }
    await delay(20)
  }
}
