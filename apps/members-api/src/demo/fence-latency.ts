import type { Occurrence } from '@freshet/cache'

const kept = 100_000

/** Times from a commit to this process's memory having dropped what it made wrong, for the demo's report. */
export class FenceLatency {
  /** In milliseconds; the first 100,000. */
  readonly samples: number[] = []

  readonly listener = (occurrence: Occurrence): void => {
    if (occurrence.type !== 'l1:fenced' || occurrence.committedAt === undefined || this.samples.length >= kept) return
    this.samples.push(Date.now() - occurrence.committedAt)
  }
}
