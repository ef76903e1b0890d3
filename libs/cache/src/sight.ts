import { leastApplied, type AppliedWatermark } from '@freshet/coherence'
import type { Budget } from './budget.js'
import type { BlindCause, OccurrenceListener } from './occurrence.js'

/** An applied watermark as it was heard; `redis` names the Redis that its fences are in. */
export type HeardWatermark = AppliedWatermark & { readonly redis?: string | undefined }

export interface SightOptions {
  readonly layer: 'l1' | 'l2'
  /** By which the layer as a whole counts as sighted, for health and logs; templates have budgets of their own. */
  readonly maxLagMs: number
  /** A clock that differs by more from the database's makes the layer blind, in milliseconds. */
  readonly maxClockSkewMs: number
  readonly report: OccurrenceListener
}

interface Heard {
  readonly mark: HeardWatermark
  /** When, by the monotonic clock, the database was as the mark says. */
  readonly trueAtMs: number
}

/**
 * How far a layer is true (G2).
 *
 *   blind --an applied watermark within maxLag on every partition, and a good clock--> sighted
 *   sighted --maxLag passed without news of some partition, a discontinuity, or a bad clock--> blind
 *
 * An applied watermark stands behind all invalidations that it covers, so that each partition is true up to its own.
 */
export class Sight {
  readonly #partitions = new Map<number, Heard | undefined>()
  #trueAtMs = -Infinity
  #applied: HeardWatermark | undefined
  #clockIsGood = false
  #told: 'sighted' | BlindCause = 'never-heard'

  constructor(private readonly options: SightOptions) {}

  /** May the layer answer within this budget? */
  isWithin({ maxLagMs, whenBlind }: Budget, nowMs: number): boolean {
    this.#look(nowMs)
    return nowMs - this.#trueAtMs <= maxLagMs || whenBlind === 'serve'
  }

  /** By the layer's own budget. */
  isSighted(nowMs: number): boolean {
    this.#look(nowMs)
    return this.#told === 'sighted'
  }

  /** All must be heard before the layer sees. */
  expectPartitions(count: number): void {
    for (let partition = 0; partition < count; partition++) {
      if (!this.#partitions.has(partition)) this.#note(partition, undefined)
    }
  }

  heard(partition: number, mark: HeardWatermark): void {
    const lagMs = Math.max(0, Date.now() - mark.databaseTimeMs)
    this.#note(partition, { mark, trueAtMs: performance.now() - lagMs })
  }

  lost(partition: number): void {
    this.#note(partition, undefined)
    this.#tell('discontinuity')
  }

  /** `skewMs`: the database's clock minus ours, measured around a query. */
  measured(skewMs: number): void {
    this.#clockIsGood = Math.abs(skewMs) <= this.options.maxClockSkewMs
    this.#settle()
    if (!this.#clockIsGood) this.#tell('clock-skew')
  }

  /**
   * Every fence up to here, all in one Redis, has been heard; undefined while some partition is silent, or speaks of
   * another Redis than the rest.
   */
  get applied(): HeardWatermark | undefined {
    return this.#applied
  }

  get state(): 'sighted' | BlindCause {
    this.#look(performance.now())
    return this.#told
  }

  #note(partition: number, heard: Heard | undefined): void {
    this.#partitions.set(partition, heard)
    const marks = [...this.#partitions.values()].map((each) => each?.mark)
    const isOneRedis = marks.every((mark) => mark?.redis === heard?.mark.redis)
    this.#applied = isOneRedis ? leastApplied(marks) : undefined
    this.#settle()
  }

  #settle(): void {
    const times = [...this.#partitions.values()].map((heard) => heard?.trueAtMs ?? -Infinity)
    this.#trueAtMs = this.#clockIsGood && times.length > 0 ? Math.min(...times) : -Infinity
    if (performance.now() - this.#trueAtMs <= this.options.maxLagMs) this.#tell('sighted')
  }

  #look(nowMs: number): void {
    if (this.#told === 'sighted' && nowMs - this.#trueAtMs > this.options.maxLagMs) this.#tell('behind')
  }

  #tell(state: 'sighted' | BlindCause): void {
    if (state === this.#told) return
    this.#told = state
    const { layer, report } = this.options
    report(state === 'sighted' ? { type: `${layer}:sighted` } : { type: `${layer}:blind`, cause: state })
  }
}
