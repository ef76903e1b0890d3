import type { RunEnded, RunOutcome } from '@freshet/cache-warmer/runs'

/** Keys by what became of them. */
export type RunCounts = Readonly<Record<RunOutcome, number>>

const none: RunCounts = { warmed: 0, fresh: 0, refused: 0, failed: 0, late: 0, foreign: 0, unknown: 0 }

/** What became of the keys of a run, by template. */
export class RunTally {
  private readonly counts = new Map<string, RunCounts>()

  ended({ template, outcome, times }: RunEnded): void {
    const before = this.counts.get(template) ?? none
    this.counts.set(template, { ...before, [outcome]: before[outcome] + times })
  }

  get byTemplate(): ReadonlyMap<string, RunCounts> {
    return this.counts
  }

  get all(): RunCounts {
    return [...this.counts.values()].reduce(sumOf, none)
  }

  /** Is every key warm that the run has come to? */
  get isWhole(): boolean {
    const { warmed, fresh } = this.all
    return warmed + fresh === keysOf(this.all)
  }
}

export const keysOf = (counts: RunCounts): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

const sumOf = (one: RunCounts, other: RunCounts): RunCounts => ({
  warmed: one.warmed + other.warmed,
  fresh: one.fresh + other.fresh,
  refused: one.refused + other.refused,
  failed: one.failed + other.failed,
  late: one.late + other.late,
  foreign: one.foreign + other.foreign,
  unknown: one.unknown + other.unknown,
})
