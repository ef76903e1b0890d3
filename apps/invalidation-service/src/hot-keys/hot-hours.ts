import { hourOf } from '@freshet/hot-keys'
import type { FenceSession } from '@freshet/redis'
import type { HotKey } from './hot-keys.js'

const EVERY_MS = 60_000
/** After a start the reports of the whole window are read first; a list that is not whole yet would replace a better one. */
const FIRST_AFTER_MS = 10_000
const KEYS = 1_000

/**
 * Notes in Redis, by the hour, which keys are read most, for warm-up runs: reports are kept for two hours, a day has 24.
 * Every instance sees the same reports and writes the same.
 */
export class HotHours {
  private nextAtMs: number

  /** `clockMs`: milliseconds since 1970. */
  constructor(
    private readonly hotKeys: { top(most: number): readonly HotKey[] },
    private readonly clockMs: () => number = Date.now,
  ) {
    this.nextAtMs = clockMs() + FIRST_AFTER_MS
  }

  /** Once a minute, however often it is called. */
  async note(session: FenceSession): Promise<void> {
    const nowMs = this.clockMs()
    if (nowMs < this.nextAtMs) return
    this.nextAtMs = nowMs + EVERY_MS
    const keys = this.hotKeys.top(KEYS)
    if (keys.length > 0) await session.putHotHour({ hour: hourOf(nowMs), keys })
  }
}
