import { setTimeout as pause } from 'node:timers/promises'
import type { ValueStore } from '@freshet/redis'
import type { Sight } from './sight.js'

/** Well below the least budget: a watermark is up to a second old when the database is idle. */
const EVERY_MS = 250

/** Keeps L2's sight: asks Redis again and again how far it is true. What does not answer is not heard of. */
export async function pollApplied(
  values: Pick<ValueStore, 'applied'>,
  sight: Sight,
  signal: AbortSignal,
): Promise<void> {
  sight.expectPartitions(1)
  while (!signal.aborted) {
    const applied = await values.applied().catch(() => undefined)
    if (applied) sight.heard(0, applied)
    await pause(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
