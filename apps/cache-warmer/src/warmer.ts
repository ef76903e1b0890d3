import { RefillRefusedError, type RefillJob } from './queue/refill-job.js'
import { refill, type Outcome, type Warmable } from './refill.js'

/** What became of one attempt; metrics and logs are made of it. */
export type RefillEnded = Outcome & { readonly template: string; readonly durationMs: number }

/** Refills what one owner's catalog declares. */
export class Warmer {
  constructor(
    private readonly cache: Warmable,
    private readonly owner: string,
    private readonly report: (ended: RefillEnded) => void,
  ) {}

  /** One attempt. Throws what is worth another one: RefillRefusedError, and the loader's own error. */
  async refillOne(job: RefillJob): Promise<void> {
    const startedMs = performance.now()
    const outcome = await refill(this.cache, this.owner, job, Date.now())
    this.report({ ...outcome, template: job.template, durationMs: performance.now() - startedMs })
    if (outcome.outcome === 'refused') throw new RefillRefusedError(outcome.reason)
    if (outcome.outcome === 'failed') throw asError(outcome.error)
  }
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
