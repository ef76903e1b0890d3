import type { Refresh, Refreshed } from '@freshet/cache'
import type { RefillJob } from './queue/refill-job.js'

/** What became of a warm request; `foreign` is also what is for another service's catalog. */
export type Outcome =
  | Refreshed
  | { readonly outcome: 'failed'; readonly error: unknown }
  /** Its deadline had passed. */
  | { readonly outcome: 'late' }

/** Refills one key of `owner`'s catalog. Never rejects: whoever reads the key next would load it anyway. */
export async function refill(refresh: Refresh, owner: string, request: RefillJob, nowMs: number): Promise<Outcome> {
  if (request.owner !== owner) return { outcome: 'foreign' }
  if (request.deadline <= nowMs) return { outcome: 'late' }
  const { template, parameters, ttlMs } = request
  try {
    return await refresh({ template, parameters, ...(ttlMs !== undefined && { ttlMs }) })
  } catch (error) {
    return { outcome: 'failed', error }
  }
}
