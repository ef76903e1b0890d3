/** Above it loads queue for connections: the database, or the pool, is slower than the warmer asks. */
const TOO_LONG_MS = 50
const SHORT_MS = 10

/**
 * How many loads may run at once, after a wait of `poolWaitMs` for a connection: quickly fewer, slowly more, from 1 to `max`.
 * In between it stays, so that it does not swing.
 */
export function nextLimit(limit: number, poolWaitMs: number, max: number): number {
  if (poolWaitMs > TOO_LONG_MS) return Math.max(1, Math.min(max, Math.floor(limit * 0.7)))
  if (poolWaitMs < SHORT_MS) return Math.min(max, limit + 1)
  return Math.min(max, limit)
}

/** The part of `max` that stays while standbys are behind: one that is meant to be must not stop the warmer. */
const LEAST_BEHIND = 0.25

/** As `nextLimit`, while a standby is too far behind: quickly fewer, down to a quarter of `max`. */
export function limitBehind(limit: number, max: number): number {
  const least = Math.ceil(max * LEAST_BEHIND)
  return limit < least ? limit + 1 : Math.max(least, Math.floor(limit * 0.7))
}
