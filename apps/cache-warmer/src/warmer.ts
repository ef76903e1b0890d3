import type { Refresh } from '@freshet/cache'
import type { Sign } from './pace/breaker.js'
import type { Breakers } from './pace/breakers.js'
import { putOff, RefillRefusedError, type RefillJob } from './queue/refill-job.js'
import type { Worked } from './queue/refill-worker.js'
import { refill, type Outcome } from './refill.js'

/** What became of one attempt; metrics and logs are made of it. */
export type RefillEnded = Outcome & { readonly template: string; readonly durationMs: number }

/** Refills what one owner's catalog declares. */
export class Warmer {
  constructor(
    private readonly refresh: Refresh,
    private readonly owner: string,
    private readonly breakers: Breakers,
    private readonly report: (ended: RefillEnded) => void,
  ) {}

  private running = 0
  /** Jobs that came too late to ask their breaker: their end says nothing of whoever tries meanwhile. */
  private readonly unasked = new WeakSet<RefillJob>()

  get isBusy(): boolean {
    return this.running > 0
  }

  /** Until the source of its template may be asked again; never past its deadline, where nothing is loaded. */
  holdBackMs(job: RefillJob, nowMs: number): number {
    const { template, deadline } = job
    if (deadline <= nowMs) {
      this.unasked.add(job)
      return 0
    }
    return Math.min(this.breakers.admit(template, nowMs), deadline - nowMs)
  }

  /** One attempt. Throws what is worth another one: RefillRefusedError, and the loader's own error. */
  async refillOne(job: RefillJob): Promise<Worked> {
    const startedMs = performance.now()
    this.running++
    const outcome = await refill(this.refresh, this.owner, job, Date.now())
    this.running--
    if (!this.unasked.has(job)) this.breakers.ended(job.template, signOf(outcome), Date.now())
    this.report({ ...outcome, template: job.template, durationMs: performance.now() - startedMs })
    if (outcome.outcome === 'refused') throw new RefillRefusedError(outcome.reason)
    if (outcome.outcome === 'failed') throw asError(outcome.error)
    return { outcome: outcome.outcome, ...(outcome.outcome === 'early' && { instead: putOff(job, outcome) }) }
  }
}

function signOf(ended: Outcome): Sign {
  if (ended.outcome === 'failed') return 'failed'
  const isLoaded = ended.outcome === 'refused' ? ended.isLoaded : ended.outcome === 'warmed'
  return isLoaded ? 'ok' : 'unknown'
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
