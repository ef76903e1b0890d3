import { setTimeout as delay } from 'node:timers/promises'
import { RefillOutcomes } from '../queue/refill-outcomes.js'
import { failureOf, type RefillJob } from '../queue/refill-job.js'
import { RefillQueue, type QueuePlace } from '../queue/refill-queue.js'
import { Outstanding, type RunEnded } from './outstanding.js'

/** A key that a run is to warm. */
export type RunKey = Pick<RefillJob, 'owner' | 'template' | 'key' | 'parameters'>

export interface WarmRunOptions extends Omit<QueuePlace, 'owner'> {
  /** How long each value is kept at least, in milliseconds; by default its template's TTL. */
  readonly ttlMs?: number
  /** Ends the run early: what waits is taken back, what runs may end within 5 s. */
  readonly signal: AbortSignal
  readonly onEnded: (ended: RunEnded) => void
  /** Keys that are asked for and not answered yet, at most; 500 by default. */
  readonly outstanding?: number
  /** After so long without an answer it is looked into; 10 s by default. */
  readonly patienceMs?: number
}

/** Behind all that readers wait for, or will. */
export const RUN_PRIORITY = -1_000

const ATTEMPTS = 3
/** A key of a slow source, or of one that has to be left alone for a while, is given up after this. */
const GIVEN_UP_MS = 300_000
const LAST_ANSWERS_MS = 5_000
const CONNECT_MS = 5_000

/** Nobody takes jobs from the queue of an owner. */
export class WarmerAbsentError extends Error {
  readonly code = 'WARMER_ABSENT'

  constructor(readonly owner: string) {
    super(
      `No cache-warmer of "${owner}" takes what it is asked for; start one with its loaders: ` +
        'FRESHET_LOADERS=... freshet start cache-warmer. If one runs, see that FRESHET_NAMESPACE and FRESHET_QUEUE_REDIS_URL are the same',
    )
    this.name = 'WarmerAbsentError'
  }
}

/** The Redis that holds the queue does not answer. */
export class QueueUnreachableError extends Error {
  readonly code = 'QUEUE_UNREACHABLE'

  constructor(readonly reason: string) {
    super(
      `The Redis of the warmer's queue does not answer (${reason}); start it, or correct FRESHET_QUEUE_REDIS_URL (by default FRESHET_REDIS_URL)`,
    )
    this.name = 'QueueUnreachableError'
  }
}

/** The queue of one owner, and who listens to it. */
interface Lane {
  readonly owner: string
  readonly queue: RefillQueue
  readonly outcomes: RefillOutcomes
}

/**
 * Has the warmers load many keys, at the end of their queue, and tells what became of each. So few are asked for at once that
 * the run is as quick as the warmers, and needs as much memory for a million keys as for a thousand.
 *
 * Throws WarmerAbsentError, QueueUnreachableError, and what `chunks` throws; then, too, what waits is taken back.
 */
export async function warmRun(chunks: AsyncIterable<readonly RunKey[]>, options: WarmRunOptions): Promise<void> {
  const run = new WarmRun(options)
  try {
    for await (const keys of chunks) {
      for (let at = 0; at < keys.length && !options.signal.aborted; at += ASKED_AT_ONCE)
        await run.ask(keys.slice(at, at + ASKED_AT_ONCE))
      if (options.signal.aborted) break
    }
    await run.end()
  } finally {
    await run.close()
  }
}

const ASKED_AT_ONCE = 100

class WarmRun {
  private readonly lanes = new Map<string, Lane>()
  private readonly outstanding: Outstanding
  private lastError: Error | undefined
  /** What was found in no queue at the last look; its end may be on its way. */
  private missed = new Set<string>()

  constructor(private readonly options: WarmRunOptions) {
    const { signal, onEnded } = options
    this.outstanding = new Outstanding(onEnded)
    // no promise of its own: each race with one that lives as long as the run would be kept as long
    signal.addEventListener('abort', () => this.outstanding.stir(), { once: true })
  }

  async ask(keys: readonly RunKey[]): Promise<void> {
    await this.until(
      () => this.outstanding.size + keys.length <= Math.max(this.options.outstanding ?? 500, keys.length),
    )
    for (const [owner, own] of Map.groupBy(keys, (key) => key.owner)) {
      if (this.options.signal.aborted) return
      const { queue } = this.lanes.get(owner) ?? (await this.open(owner))
      const jobs = own.map((key) => this.jobOf(key))
      await this.outstanding.add(
        own.map(({ template }) => template),
        () => reached(queue.ask(jobs)),
      )
    }
  }

  /** Resolves once the end of all is known. */
  end(): Promise<void> {
    return this.until(() => this.outstanding.size === 0)
  }

  /** Takes back what waits, and hears what runs. */
  async close(): Promise<void> {
    if (this.outstanding.size > 0) {
      const own = this.outstanding.own
      await Promise.all([...this.lanes.values()].map(({ queue }) => queue.takeBack(own, RUN_PRIORITY))).catch(
        () => undefined,
      )
      const over = performance.now() + LAST_ANSWERS_MS
      while (performance.now() < over && (await this.isAnyLoading())) await this.outstanding.next(100)
    }
    await Promise.all([...this.lanes.values()].flatMap(({ queue, outcomes }) => [queue.close(), outcomes.close()]))
  }

  private jobOf(key: RunKey): RefillJob {
    const { ttlMs } = this.options
    const nowMs = Date.now()
    const times = { notBefore: nowMs, deadline: nowMs + GIVEN_UP_MS }
    return { kind: 'warm-request', ...key, ...times, priority: RUN_PRIORITY, ...(ttlMs !== undefined && { ttlMs }) }
  }

  private async open(owner: string): Promise<Lane> {
    const place = { url: this.options.url, namespace: this.options.namespace, owner }
    const onError = (error: Error): void => void (this.lastError = error)
    const queue = new RefillQueue({ ...place, attempts: ATTEMPTS, onError, onWarning: () => undefined })
    const after = await this.answerOf(queue)
    const outcomes = new RefillOutcomes({ ...place, after, onError, onEnded: (ended) => this.outstanding.ended(ended) })
    const lane = { owner, queue, outcomes }
    this.lanes.set(owner, lane)
    return lane
  }

  private async answerOf(queue: RefillQueue): Promise<string> {
    const over = performance.now() + CONNECT_MS
    while (!queue.isConnected && performance.now() < over) await delay(10)
    try {
      return await queue.lastEvent()
    } catch (error) {
      await queue.close()
      throw new QueueUnreachableError((this.lastError ?? (error as Error)).message)
    }
  }

  /** Waits for a condition that ends of jobs bring about, or for the run's. Throws WarmerAbsentError. */
  private async until(isSo: () => boolean): Promise<void> {
    const { signal, patienceMs = 10_000 } = this.options
    while (!isSo() && !signal.aborted) {
      if ((await this.outstanding.next(patienceMs)) === 'silence') await this.lookInto()
      else this.missed.clear()
    }
  }

  /** What is in no queue any more, twice, has ended unheard. */
  private async lookInto(): Promise<void> {
    for (const { owner, queue } of this.lanes.values())
      if ((await reached(queue.countWarmers())) === 0) throw new WarmerAbsentError(owner)
    const gone = new Set<string>()
    for (const id of this.outstanding.ids) {
      const fates = await Promise.all([...this.lanes.values()].map(({ queue }) => reached(queue.fateOf(id))))
      const failed = fates.find((fate) => typeof fate === 'object')
      if (failed) this.outstanding.ended({ id, ...failureOf(failed.failedReason) })
      else if (fates.every((fate) => fate === 'gone')) gone.add(id)
    }
    for (const id of gone) if (this.missed.has(id)) this.outstanding.ended({ id, outcome: 'unknown' })
    this.missed = gone
  }

  private async isAnyLoading(): Promise<boolean> {
    for (const id of this.outstanding.own)
      for (const { queue } of this.lanes.values()) {
        const fate = await queue.fateOf(id).catch(() => 'gone' as const)
        if (fate === undefined) return true
      }
    return false
  }
}

/** Throws QueueUnreachableError. */
const reached = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((error: unknown) => {
    throw new QueueUnreachableError(error instanceof Error ? error.message : String(error))
  })
