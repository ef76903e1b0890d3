import { setTimeout as pause } from 'node:timers/promises'
import type { WarmRequestRecord } from '@freshet/events'
import { from, lastValueFrom, mergeMap } from 'rxjs'
import { refill, type Outcome, type Warmable } from './refill.js'

/** What became of one request; metrics and logs are made of it. */
export type RefillEnded = Outcome & { readonly template: string; readonly durationMs: number }

/** Refills what one owner's catalog declares. */
export class Warmer {
  constructor(
    private readonly cache: Warmable,
    private readonly owner: string,
    /** Refills that run at once. */
    private readonly concurrency: number,
    private readonly report: (ended: RefillEnded) => void,
  ) {}

  /**
   * Resolves when the last request is done, so that the caller may then move its offset. Rejects only when `signal` is
   * aborted. Of several requests for one key the last counts.
   */
  async refillAll(requests: readonly WarmRequestRecord[], signal: AbortSignal): Promise<void> {
    const distinct = new Map(requests.map((request) => [`${request.owner} ${request.key}`, request]))
    const refills = from(distinct.values()).pipe(
      mergeMap((request) => this.refillOne(request, signal), this.concurrency),
    )
    await lastValueFrom(refills, { defaultValue: undefined })
  }

  private async refillOne(request: WarmRequestRecord, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const dueAt = Math.min(request.notBefore, request.deadline)
    // a timer runs by another clock than the request's, and can end before its time
    for (let earlyMs; request.owner === this.owner && (earlyMs = dueAt - Date.now()) > 0;)
      await pause(earlyMs, undefined, { signal })
    const startedMs = performance.now()
    const outcome = await refill(this.cache, this.owner, request, Date.now())
    this.report({ ...outcome, template: request.template, durationMs: performance.now() - startedMs })
  }
}
