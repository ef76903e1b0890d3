import { setTimeout as pause } from 'node:timers/promises'
import type { OccurrenceListener } from './occurrence.js'
import type { SharedQuery } from './shared-query.js'
import type { TakenSnapshot } from './snapshots.js'

const AGAIN_MS = 10_000
const RETRY_MS = 1_000

/**
 * Measures the database's clock at once and from time to time, by taking snapshots: L1 judges by it how far it is behind,
 * and a clock may be set while the process runs.
 */
export async function watchClock(
  snapshots: SharedQuery<TakenSnapshot>,
  report: OccurrenceListener,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const measured = await snapshots.take().then(
      () => true,
      (error: unknown) => {
        if (!signal.aborted) report({ type: 'snapshot:failed', error })
        return false
      },
    )
    await pause(measured ? AGAIN_MS : RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
