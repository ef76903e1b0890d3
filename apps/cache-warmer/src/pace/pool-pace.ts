import { limitBehind, nextLimit } from './load-limit.js'

/** How many loads may run at once, and the wait that says so: undefined while nobody waits. */
export interface Pace {
  readonly limit: number
  readonly poolWaitMs: number | undefined
}

export interface PoolPaceOptions {
  readonly pool: { connect(): Promise<{ release(): void }> }
  /** The most that may run at once. */
  readonly max: number
  /** Nothing is asked of the pool while this says no. */
  readonly isBusy: () => boolean
  /** Is a standby too far behind? Asked while there is work. */
  readonly isStandbyBehind?: () => Promise<boolean>
  readonly onPace: (pace: Pace) => void
  readonly intervalMs?: number
}

/** Waits in line for a connection as a load does, four times a second while there is work, and sets the limit by it. */
export class PoolPace {
  private limit: number
  private timer: NodeJS.Timeout | undefined
  private isOver = false

  constructor(private readonly options: PoolPaceOptions) {
    this.limit = options.max
    options.onPace({ limit: this.limit, poolWaitMs: undefined })
    this.later()
  }

  close(): void {
    this.isOver = true
    clearTimeout(this.timer)
  }

  private later(): void {
    if (this.isOver) return
    this.timer = setTimeout(() => void this.look().then(() => this.later()), this.options.intervalMs ?? 250)
    this.timer.unref()
  }

  private async look(): Promise<void> {
    const { pool, max, isBusy } = this.options
    if (!isBusy()) {
      if (this.limit < max) this.set(undefined) // slowly back, so that single refills do not undo what the last ones have shown
      return
    }
    const startedMs = performance.now()
    const isFailed = await pool.connect().then(
      (client) => void client.release(),
      () => true, // a database that cannot be reached is as slow as can be
    )
    if (this.isOver) return
    const poolWaitMs = isFailed ? Number.POSITIVE_INFINITY : performance.now() - startedMs
    this.set(poolWaitMs, await this.options.isStandbyBehind?.())
  }

  private set(poolWaitMs: number | undefined, isBehind = false): void {
    const { max, onPace } = this.options
    if (this.isOver) return
    const next = nextLimit(this.limit, poolWaitMs ?? 0, max)
    this.limit = isBehind ? Math.min(next, limitBehind(this.limit, max)) : next
    onPace({ limit: this.limit, poolWaitMs })
  }
}
