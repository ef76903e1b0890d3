/**
 * Keeps the warmer from a template whose loads fail.
 *
 *   closed --5 failures in a row--> open --10 s--> trying (one load) --success--> closed
 *                                     ^---------------- failure --------+
 */
export type Breaker =
  | { readonly at: 'closed'; readonly failures: number }
  | { readonly at: 'open'; readonly untilMs: number }
  | { readonly at: 'trying' }

/** `ok`: the source answered. `unknown`: it was not asked. */
export type Sign = 'ok' | 'failed' | 'unknown'

export const closed: Breaker = { at: 'closed', failures: 0 }

const FAILURES_IN_A_ROW = 5
const OPEN_MS = 10_000
/** How long others wait for the outcome of the one that tries. */
const TRIAL_MS = 1_000

/** Whether a load may begin, and what the breaker is then; else how long it has to wait. */
export function admit(
  breaker: Breaker,
  nowMs: number,
): { readonly waitMs: 0; readonly breaker: Breaker } | { readonly waitMs: number; readonly breaker: Breaker } {
  if (breaker.at === 'closed') return { waitMs: 0, breaker }
  if (breaker.at === 'trying') return { waitMs: TRIAL_MS, breaker }
  return breaker.untilMs > nowMs
    ? { waitMs: breaker.untilMs - nowMs, breaker }
    : { waitMs: 0, breaker: { at: 'trying' } }
}

/** What the breaker is after a load has ended. */
export function afterLoad(breaker: Breaker, sign: Sign, nowMs: number): Breaker {
  if (sign === 'ok') return breaker.at === 'open' ? breaker : closed // a load from before it opened proves nothing
  if (sign === 'unknown') return breaker.at === 'trying' ? { at: 'open', untilMs: nowMs } : breaker
  if (breaker.at === 'open') return breaker
  const failures = breaker.at === 'closed' ? breaker.failures + 1 : FAILURES_IN_A_ROW
  return failures < FAILURES_IN_A_ROW ? { at: 'closed', failures } : { at: 'open', untilMs: nowMs + OPEN_MS }
}
