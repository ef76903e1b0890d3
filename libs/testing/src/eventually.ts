import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'

/** Asks until the answer is the wanted one. Throws Error with the last answer after `withinMs`. */
export async function eventually<T>(ask: () => T | Promise<T>, wanted: T, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const seen = await ask()
    if (isDeepStrictEqual(seen, wanted)) return
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: wanted ${JSON.stringify(wanted)}, last seen ${JSON.stringify(seen)}`)
    await delay(10)
  }
}
