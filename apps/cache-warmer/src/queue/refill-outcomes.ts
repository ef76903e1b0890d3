import { QueueEvents } from 'bullmq'
import { connectQueue, queueName, queuePrefix } from './connect-queue.js'
import { failureOf } from './refill-job.js'
import type { QueuePlace } from './refill-queue.js'

/** How a job ended, for good. */
export interface JobEnded {
  readonly id: string
  readonly outcome: 'warmed' | 'fresh' | 'refused' | 'failed' | 'late' | 'foreign'
  /** Of a job that was refused or failed. */
  readonly reason?: string
}

export interface RefillOutcomesOptions extends QueuePlace {
  /** What happened up to here is not told: `RefillQueue.lastEvent`. */
  readonly after: string
  readonly onEnded: (ended: JobEnded) => void
  readonly onError: (error: Error) => void
}

/** Hears how every job of a queue ends. After a loss of the connection it goes on where it was. */
export class RefillOutcomes {
  private readonly connection: ReturnType<typeof connectQueue>
  private readonly events: QueueEvents

  constructor({ url, namespace, owner, after, onEnded, onError }: RefillOutcomesOptions) {
    this.connection = connectQueue(url, 'consumer')
    this.connection.on('error', onError)
    this.events = new QueueEvents(queueName(owner), {
      connection: this.connection,
      prefix: queuePrefix(namespace),
      lastEventId: after,
      skipVersionCheck: true,
    })
    this.events.on('error', onError)
    this.events.on('completed', ({ jobId: id, returnvalue }) => {
      const outcome = quiet.find((each) => each === String(returnvalue))
      if (outcome) onEnded({ id, outcome })
    })
    this.events.on('failed', ({ jobId: id, failedReason }) => onEnded({ id, ...failureOf(failedReason) }))
  }

  async close(): Promise<void> {
    await this.events.close().catch(() => undefined)
    this.connection.disconnect()
  }
}

const quiet = ['warmed', 'fresh', 'late', 'foreign'] as const
