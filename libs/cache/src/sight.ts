import { leastApplied, type AppliedWatermark } from '@freshet/coherence'
import type { BlindCause, OccurrenceListener } from './occurrence.js'

/** An applied watermark as it was heard; `redis` names the Redis that its fences are in. */
export type HeardWatermark = AppliedWatermark & { readonly redis?: string | undefined }

export interface SightOptions {
  /** How far the layer may be behind the database, in milliseconds. */
  readonly maxLagMs: number
  /** A clock that differs by more from the database's makes the layer blind, in milliseconds. */
  readonly maxClockSkewMs: number
  readonly report: OccurrenceListener
}

/**
 * How far L1 is true (G2).
 *
 *   blind --an applied watermark within maxLag on every partition, and a good clock--> sighted
 *   sighted --maxLag passed without news of some partition, a discontinuity, or a bad clock--> blind
 *
 * An applied watermark stands behind all invalidations that it covers, so that each partition is true up to its own.
 */
export class Sight {
  /** Partition -> until when (monotonic clock) its last watermark is young enough. */
  readonly #untilMs = new Map<number, number>()
  /** Partition -> its last watermark. */
  readonly #marks = new Map<number, HeardWatermark | undefined>()
  #applied: HeardWatermark | undefined
  #sightedUntilMs = -Infinity
  #clockIsGood = false
  #told: 'sighted' | BlindCause = 'never-heard'

  constructor(private readonly options: SightOptions) {}

  isSighted(nowMs: number): boolean {
    if (nowMs < this.#sightedUntilMs) return true
    if (this.#told === 'sighted') this.#tell('behind')
    return false
  }

  /** All must be heard before the layer sees. */
  expectPartitions(count: number): void {
    for (let partition = 0; partition < count; partition++) {
      if (!this.#untilMs.has(partition)) this.#note(partition, undefined, -Infinity)
    }
    this.#settle()
  }

  heard(partition: number, mark: HeardWatermark): void {
    const lagMs = Math.max(0, Date.now() - mark.databaseTimeMs)
    this.#note(partition, mark, performance.now() + this.options.maxLagMs - lagMs)
    this.#settle()
  }

  lost(partition: number): void {
    this.#note(partition, undefined, -Infinity)
    this.#settle()
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
    this.isSighted(performance.now())
    return this.#told
  }

  #note(partition: number, mark: HeardWatermark | undefined, untilMs: number): void {
    this.#untilMs.set(partition, untilMs)
    this.#marks.set(partition, mark)
    const marks = [...this.#marks.values()]
    const isOneRedis = marks.every((each) => each?.redis === mark?.redis)
    this.#applied = isOneRedis ? leastApplied(marks) : undefined
  }

  #settle(): void {
    const known = this.#clockIsGood && this.#untilMs.size > 0
    this.#sightedUntilMs = known ? Math.min(...this.#untilMs.values()) : -Infinity
    if (performance.now() < this.#sightedUntilMs) this.#tell('sighted')
  }

  #tell(state: 'sighted' | BlindCause): void {
    if (state === this.#told) return
    this.#told = state
    this.options.report(state === 'sighted' ? { type: 'l1:sighted' } : { type: 'l1:blind', cause: state })
  }
}
