import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { WarmRequestRecord } from '@freshet/events'
import { Queue, type Job, type JobsOptions } from 'bullmq'
import { connectQueue, evictionWarning, queueName, queuePrefix } from './connect-queue.js'
import {
  delayMsOf,
  distinctJobs,
  identityOf,
  identityOfNext,
  isDue,
  merged,
  queuePriorityOf,
  type RefillJob,
} from './refill-job.js'

/** Where the work lies. */
export interface QueuePlace {
  readonly url: string
  readonly namespace: string
  readonly owner: string
}

export interface RefillQueueOptions extends QueuePlace {
  /** After so many failed attempts a job is left among the failed. */
  readonly attempts: number
  readonly onError: (error: Error) => void
  /** The server is set up so that work can be lost. */
  readonly onWarning: (message: string) => void
}

/** A job that will load a key. */
export interface AskedJob {
  readonly id: string
  /** False: the key waited already, or is being loaded. */
  readonly isNew: boolean
}

/** Failed jobs that are kept to be looked at, and how long. */
const keptFailed = { count: 1_000, age: 24 * 3_600 }

/** A job, and the name by which there is one of it. */
interface Wanted {
  readonly identity: string
  readonly job: RefillJob
}

type Added = Wanted & AskedJob

const isMet = ({ isNew }: AskedJob): boolean => !isNew

/** Brings nothing forward. */
const never = Number.MAX_SAFE_INTEGER

/** Refills that wait in Redis, one job a key; and one that follows on it, where that one is due. */
export class RefillQueue {
  private readonly connection: ReturnType<typeof connectQueue>
  private readonly queue: Queue<RefillJob>

  constructor(private readonly options: RefillQueueOptions) {
    const { url, namespace, owner, onError, onWarning } = options
    this.connection = connectQueue(url, 'producer')
    this.connection.on('error', onError)
    this.connection.on('ready', () => {
      this.connection.info('memory').then(
        (info) => {
          const warning = evictionWarning(info)
          if (warning !== undefined) onWarning(warning)
        },
        () => undefined, // not every host allows it
      )
    })
    this.queue = new Queue<RefillJob>(queueName(owner), {
      connection: this.connection,
      prefix: queuePrefix(namespace),
      skipVersionCheck: true, // it would print its own warning of evictions
      skipWaitingForReady: true, // else a put would wait for Redis, and its batch with it
    })
    this.queue.on('error', onError)
  }

  get isConnected(): boolean {
    return this.connection.status === 'ready'
  }

  /**
   * Resolves when Redis has all of them. A key that waits is brought forward, never put back; one that is being loaded is
   * loaded once more, since the change behind the request may have come after its load. A request for later than a job
   * that is due follows on it: who is fenced all the time is asked for anew just when the refresh before begins. Rejects
   * while Redis is away, and when `signal` is aborted; to put the same again is harmless.
   */
  async put(requests: readonly WarmRequestRecord[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const over = new AbortController()
    try {
      await Promise.race([
        this.putAll(requests),
        once(signal, 'abort', { signal: over.signal }).then(() => signal.throwIfAborted()),
      ])
    } finally {
      over.abort()
    }
  }

  /** Where the queue's events end now; `RefillOutcomes` begins behind it. */
  async lastEvent(): Promise<string> {
    const { namespace, owner } = this.options
    const events = `${queuePrefix(namespace)}:${queueName(owner)}:events`
    const [last] = await this.connection.xrevrange(events, '+', '-', 'COUNT', 1)
    return last?.[0] ?? '0-0'
  }

  /** Jobs by their state. */
  async counts(): Promise<Readonly<Record<'waiting' | 'active' | 'delayed' | 'failed', number>>> {
    const counts = await this.queue.getJobCounts('prioritized', 'wait', 'active', 'delayed', 'failed')
    const of = (state: string): number => counts[state] ?? 0
    return {
      waiting: of('prioritized') + of('wait') + of('waiting'),
      active: of('active'),
      delayed: of('delayed'),
      failed: of('failed'),
    }
  }

  async close(): Promise<void> {
    await this.queue.close().catch(() => undefined)
    this.connection.disconnect()
  }

  /**
   * As `put`, for keys that nobody waits for: one that waits already keeps its place and its time, and one that is being
   * loaded is not loaded again. Returns the job of each, in their order.
   */
  async ask(jobs: readonly RefillJob[]): Promise<readonly AskedJob[]> {
    const wanted = jobs.map((job) => ({ identity: identityOf(job), job }))
    const added = await this.add(wanted, Date.now(), false)
    await Promise.all(
      added
        .filter(isMet)
        .map(async ({ id, job }) => this.bringForward(await this.queue.getJob(id), { ...job, notBefore: never })),
    )
    return added.map(({ id, isNew }) => ({ id, isNew }))
  }

  /** Takes back what was asked for and nobody else has asked for since; what runs is left. */
  async takeBack(ids: readonly string[], priority: number): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const job: Job<RefillJob> | undefined = await this.queue.getJob(id)
        if (job && job.data.priority <= priority) await job.remove().catch(unlessConnected(this.isConnected))
      }),
    )
  }

  /** What has become of a job that no event told of: undefined while it waits or runs. */
  async fateOf(id: string): Promise<{ readonly failedReason: string } | 'gone' | undefined> {
    const job: Job<RefillJob> | undefined = await this.queue.getJob(id)
    if (!job) return 'gone'
    return job.finishedOn === undefined ? undefined : { failedReason: job.failedReason }
  }

  /** How many warmers take jobs from it. */
  countWarmers(): Promise<number> {
    return this.queue.getWorkersCount()
  }

  private async putAll(requests: readonly WarmRequestRecord[]): Promise<void> {
    const nowMs = Date.now()
    const wanted = [...distinctJobs(requests)].map(([identity, job]) => ({ identity, job }))
    const met = (await this.add(wanted, nowMs, true)).filter(isMet)
    const following = await Promise.all(met.map(async (each) => (await this.meet(each, nowMs)) ?? []))
    const metAgain = (await this.add(following.flat(), nowMs, true)).filter(isMet)
    await Promise.all(metAgain.map(async ({ id, job }) => this.bringForward(await this.queue.getJob(id), job)))
  }

  /** Each with the id of its job, which was there already where it met one. */
  private async add(wanted: readonly Wanted[], nowMs: number, isUrgent: boolean): Promise<readonly Added[]> {
    if (wanted.length === 0) return []
    const jobs = wanted.map((each) => ({ ...each, jobId: randomUUID() }))
    const added = await this.queue.addBulk(
      jobs.map(({ identity, job, jobId }) => ({
        name: job.template,
        data: job,
        opts: { ...this.optionsOf(job, identity, nowMs, isUrgent), jobId },
      })),
    )
    return jobs.map(({ jobId, ...each }, index) => {
      const id = added[index]?.id ?? jobId
      return { ...each, id, isNew: id === jobId }
    })
  }

  private optionsOf(job: RefillJob, identity: string, nowMs: number, isUrgent: boolean): JobsOptions {
    const delay = delayMsOf(job, nowMs)
    return {
      deduplication: { id: identity, keepLastIfActive: isUrgent && delay === 0 },
      priority: queuePriorityOf(job.priority),
      delay,
      attempts: this.options.attempts,
      backoff: { type: 'custom' },
      removeOnComplete: true,
      removeOnFail: keptFailed,
      stackTraceLimit: 1,
    }
  }

  /** Returns what has to follow on the job that it met. */
  private async meet({ id, identity, job }: Added, nowMs: number): Promise<Wanted | undefined> {
    const there: Job<RefillJob> | undefined = await this.queue.getJob(id)
    if (!isDue(job, nowMs) && (!there || isDue(there.data, nowMs))) return { identity: identityOfNext(identity), job }
    await this.bringForward(there, job)
    return undefined
  }

  /** Any of these fails for a job that has begun or ended meanwhile: it began after the change, so nothing is missed. */
  private async bringForward(job: Job<RefillJob> | undefined, wanted: RefillJob): Promise<void> {
    if (!job) return
    const { data } = job
    const both = merged(data, wanted)
    const isKeptLonger = (both.ttlMs ?? 0) > (data.ttlMs ?? 0)
    const isOther = both.deadline > data.deadline || both.notBefore < data.notBefore || both.priority > data.priority
    if (isOther || isKeptLonger) await job.updateData(both).catch(unlessConnected(this.isConnected))
    if (both.priority > data.priority)
      await job.changePriority({ priority: queuePriorityOf(both.priority) }).catch(unlessConnected(this.isConnected))
    // a job that waits for its next attempt keeps its pause
    if (both.notBefore < data.notBefore && job.attemptsMade === 0)
      await job.changeDelay(delayMsOf(both, Date.now())).catch(unlessConnected(this.isConnected))
  }
}

/** While Redis answers, its refusal only means that the job has moved on. */
const unlessConnected =
  (isConnected: boolean) =>
  (error: unknown): void => {
    if (!isConnected) throw error
  }
