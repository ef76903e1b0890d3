import { createHash } from 'node:crypto'
import type { WarmRequestRecord } from '@freshet/events'

/** What a job needs of its request; it lies in Redis as JSON. */
export interface RefillJob extends Omit<WarmRequestRecord, 'id' | 'source'> {
  /** How long the value is kept at least, in milliseconds; its template's TTL where that is longer, or where it is left out. */
  readonly ttlMs?: number
}

const REFUSED = 'the fence protocol refused to store the value: '

/** Not stored: the fence protocol forbade it. */
export class RefillRefusedError extends Error {
  readonly code = 'REFILL_REFUSED'

  constructor(readonly reason: string) {
    super(`${REFUSED}${reason}`)
    this.name = 'RefillRefusedError'
  }
}

/** How a job ended at its last attempt, by its error's message: all that the queue keeps of it. */
export const failureOf = (message: string): { readonly outcome: 'refused' | 'failed'; readonly reason: string } =>
  message.startsWith(REFUSED)
    ? { outcome: 'refused', reason: message.slice(REFUSED.length) }
    : { outcome: 'failed', reason: message }

export function jobOf({ id: _id, source: _source, ...job }: WarmRequestRecord): RefillJob {
  return job
}

/** One job a key: the same for all requests that mean one key of one catalog. */
export function identityOf({ owner, template, key }: RefillJob): string {
  return createHash('sha256')
    .update(JSON.stringify([owner, template, key]))
    .digest('base64url')
}

/** Of the job that follows on one which is due. */
export const identityOfNext = (identity: string): string => `${identity}-next`

/**
 * Two requests for one key as one: due when the earlier is, worth doing as long as the later, as urgent as the higher, kept
 * as long as the longer wants it.
 */
export function merged(one: RefillJob, other: RefillJob): RefillJob {
  const ttlMs = Math.max(one.ttlMs ?? 0, other.ttlMs ?? 0)
  return {
    ...one,
    ...(ttlMs > 0 && { ttlMs }),
    notBefore: Math.min(one.notBefore, other.notBefore),
    deadline: Math.max(one.deadline, other.deadline),
    priority: Math.max(one.priority, other.priority),
  }
}

/** The same job, not before and until another time. */
export const putOff = (
  job: RefillJob,
  { notBefore, deadline }: Pick<RefillJob, 'notBefore' | 'deadline'>,
): RefillJob => ({
  ...job,
  notBefore,
  deadline: Math.max(job.deadline, deadline),
})

/** One job for each key that is asked for. */
export function distinctJobs(requests: readonly WarmRequestRecord[]): ReadonlyMap<string, RefillJob> {
  const jobs = new Map<string, RefillJob>()
  for (const request of requests) {
    const job = jobOf(request)
    const identity = identityOf(job)
    const waiting = jobs.get(identity)
    jobs.set(identity, waiting ? merged(waiting, job) : job)
  }
  return jobs
}

/** How long the job has to wait; what is never due before its deadline ends there, as late. */
export function delayMsOf({ notBefore, deadline }: RefillJob, nowMs: number): number {
  return Math.max(0, Math.min(notBefore, deadline) - nowMs)
}

/** It has begun, or does as soon as it can: a request for later is not about it, but about a refresh that follows on it. */
export const isDue = (job: RefillJob, nowMs: number): boolean => delayMsOf(job, nowMs) === 0

const ORDINARY_PRIORITY = 1_048_576

/** Requests: higher is sooner, 0 is ordinary. BullMQ: lower is sooner, 1 to 2,097,151. */
export function queuePriorityOf(priority: number): number {
  return Math.min(Math.max(ORDINARY_PRIORITY - Math.round(priority), 1), 2 * ORDINARY_PRIORITY - 1)
}

const LONGEST_PAUSE_MS = 30_000

/**
 * The pause before the next attempt, with jitter (`random` from 0 to 1). A refused value is right a moment later, when the
 * change that came in between is visible; a source that fails needs longer.
 */
export function retryDelayMs(attemptsMade: number, error: unknown, random: number): number {
  const tries = Math.max(attemptsMade, 1) - 1
  const fullMs = error instanceof RefillRefusedError ? 5 * 4 ** tries : 1_000 * 2 ** tries
  return Math.round(Math.min(fullMs, LONGEST_PAUSE_MS) * (0.5 + random / 2))
}
