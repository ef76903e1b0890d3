import { setTimeout as pause } from 'node:timers/promises'
import type { CatalogWatch } from './in-force.js'

const EVERY_MS = 1_000

/**
 * Looks again and again whether a catalog that was found in force still is: a client that answers from its layers alone
 * would not learn that its catalog was retired. One that is not in force is looked for by the reads.
 */
export async function pollInForce(watch: CatalogWatch, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
    if (!signal.aborted && watch.record) await watch.look().catch(() => undefined) // unreachable is no answer
  }
}
