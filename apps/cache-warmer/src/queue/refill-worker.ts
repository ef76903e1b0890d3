import { setTimeout as delay } from 'node:timers/promises'
import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq'
import { connectQueue, queueName, queuePrefix } from './connect-queue.js'
import type { QueuePlace } from './refill-queue.js'
import { retryDelayMs, type RefillJob } from './refill-job.js'

/** A job that is not tried again: it lies among the failed. */
export interface DeadLetter {
  readonly template: string
  readonly attempts: number
  readonly error: Error
}

/**
 * How an attempt ended: its outcome, which is told to whoever listens to the queue's events, or a job to be done instead, at
 * its own time.
 */
export interface Worked {
  readonly outcome: string
  readonly instead?: RefillJob
}

export interface RefillWorkerOptions extends QueuePlace {
  /** Jobs that run at once. */
  readonly concurrency: number
  /** Throws to have the job tried again later. */
  readonly work: (job: RefillJob) => Promise<Worked>
  /** How long a job has to wait before it may begin, by no fault of its own; 0 for not at all. */
  readonly holdBackMs?: (job: RefillJob, nowMs: number) => number
  readonly onDeadLetter: (letter: DeadLetter) => void
  readonly onError: (error: Error) => void
  /** How long a job of a killed worker is left to it; 10 s by default. */
  readonly lockMs?: number
}

/** SIGTERM leaves 10 s, and pools are to be closed in them too. */
const PATIENCE_MS = 4_000

/** Takes jobs that are due, the most urgent first, also those that a killed worker left unfinished. */
export class RefillWorker {
  private readonly connection: ReturnType<typeof connectQueue>
  private readonly worker: Worker<RefillJob, unknown>

  constructor(options: RefillWorkerOptions) {
    const { url, namespace, owner, concurrency, work, onDeadLetter, onError, lockMs = 10_000 } = options
    this.connection = connectQueue(url, 'consumer')
    this.connection.on('error', onError)
    const begin = async (job: Job<RefillJob>, token: string | undefined): Promise<unknown> => {
      const nowMs = Date.now()
      const waitMs = options.holdBackMs?.(job.data, nowMs) ?? 0
      if (waitMs > 0) return delayed(job, nowMs + waitMs, token)
      const { outcome, instead } = await work(job.data)
      if (instead === undefined) return outcome
      await job.updateData(instead)
      return delayed(job, instead.notBefore, token)
    }
    this.worker = new Worker<RefillJob, unknown>(queueName(owner), begin, {
      connection: this.connection,
      prefix: queuePrefix(namespace),
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: 10, // a kill is no fault of the job, but one that kills its worker must end
      skipVersionCheck: false, // BullMQ waits whole seconds for what is delayed where it does not know the version
      runRetryDelay: 500,
      settings: { backoffStrategy: (attemptsMade, _type, error) => retryDelayMs(attemptsMade, error, Math.random()) },
    })
    this.worker.on('error', onError)
    this.worker.on('failed', (job, error) => {
      if (job && isOver(job, error)) onDeadLetter({ template: job.name, attempts: job.attemptsMade, error })
    })
  }

  /** From now on so many jobs at once; those that run are left. */
  limitTo(concurrency: number): void {
    this.worker.concurrency = concurrency
  }

  /** Takes nothing more and waits for what runs; what takes too long is taken over by the next worker, as after a kill. */
  async close(): Promise<void> {
    const over = new AbortController()
    const patience = delay(PATIENCE_MS, undefined, { signal: over.signal, ref: false }).catch(() => undefined)
    const isHeard = this.connection.status === 'ready'
    // closed once: a second call, to force it, would only wait for the first
    await Promise.race([this.worker.close(!isHeard).catch(() => undefined), patience])
    over.abort()
    this.connection.disconnect()
  }
}

/** Costs no attempt. */
async function delayed(job: Job<RefillJob>, untilMs: number, token: string | undefined): Promise<never> {
  await job.moveToDelayed(untilMs, token)
  throw new DelayedError()
}

const isOver = ({ attemptsMade, opts, finishedOn }: Job<RefillJob>, error: Error): boolean =>
  finishedOn !== undefined || attemptsMade >= (opts.attempts ?? 1) || error instanceof UnrecoverableError
