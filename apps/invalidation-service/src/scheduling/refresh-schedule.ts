import { refreshAfterMs } from '@freshet/coherence'
import type { HotTarget } from './hot-index.js'

/** A refresh of a hot key; times in milliseconds since 1970. */
export interface ScheduledRefresh {
  readonly target: HotTarget
  readonly notBefore: number
  /** Later nobody has a use for it: its window is over, or readers have long loaded it. */
  readonly deadline: number
}

/** Strict keys have no window: who reads them waits. */
const strictWithinMs = 60_000
/** A strict key that is fenced all the time is refilled so often: more would load what is wrong again before it is read. */
const strictEveryMs = 250

/** The part of a window in which the refreshes of keys begin that were not refreshed lately. */
const rampFrom = 0.1
const rampTo = 0.8
/** What began longer ago is forgotten; a longer window only begins its ramp anew. */
const longestWindowMs = 600_000
/**
 * When the hot keys that were fenced are refreshed (DESIGN 9): strict ones at once, those with a window spread over it, the
 * hottest first: a ramp, not a spike. A key whose refresh is still to come needs no other, since that one will load what
 * this fence was about too. One that was refreshed less than a window ago keeps its place in the ramp: its value cannot have
 * been fenced before that refresh began, so that its window is not over by then. So a key that is fenced all the time is
 * loaded once a window.
 */
export class RefreshSchedule {
  /** By template and key: when the refresh begins, or began, that was asked for last. */
  private readonly begins = new Map<string, number>()

  /** `fenced`: all hot keys that were fenced just now, each once. To be told of what was asked for by `asked`. */
  plan(fenced: readonly HotTarget[], nowMs: number): readonly ScheduledRefresh[] {
    const due = fenced.filter((target) => this.lastOf(target) <= nowMs).toSorted(hottestFirst)
    return due.map((target, place) => {
      const windowMs = windowOf(target)
      const again = this.lastOf(target) + (windowMs > 0 ? refreshAfterMs(windowMs) : strictEveryMs)
      const ramp = windowMs > 0 ? rampFrom + (place / due.length) * (rampTo - rampFrom) : 0
      const notBefore = Math.floor(again > nowMs ? again : nowMs + ramp * windowMs)
      return { target, notBefore, deadline: nowMs + (windowMs || strictWithinMs) }
    })
  }

  /** The warmer has these; before that a crash may lose them, and they are planned again. */
  asked(refreshes: readonly ScheduledRefresh[], nowMs: number): void {
    for (const [name, at] of this.begins) if (at <= nowMs - longestWindowMs) this.begins.delete(name)
    for (const { target, notBefore } of refreshes) this.begins.set(nameOf(target), notBefore)
  }

  private lastOf(target: HotTarget): number {
    return this.begins.get(nameOf(target)) ?? -Infinity
  }
}

const windowOf = ({ template }: HotTarget): number => template.staleWhileRevalidateMs

const hottestFirst = (one: HotTarget, other: HotTarget): number =>
  Number(windowOf(one) > 0) - Number(windowOf(other) > 0) || one.rank - other.rank

const nameOf = ({ template, key }: HotTarget): string => `${template.fingerprint} ${key}`
