import { decode, UnreadableRecordError, type WarmRequestRecord } from '@freshet/events'
import { type IncomingBatch } from '@freshet/kafka'
import { FreshetKafkaContext, OnBatch } from '@freshet/service-kit'
import { Controller, Inject } from '@nestjs/common'
import { Ctx, Payload } from '@nestjs/microservices'
import type { LoaderModule } from '@freshet/cache/loaders'
import { LOADERS } from './connections.module.js'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { RefillQueue } from './queue/refill-queue.js'

/** Takes warm requests; a batch is done, and its offset moves, when its jobs are in the queue. */
@Controller()
export class WarmRequestsController {
  constructor(
    private readonly queue: RefillQueue,
    @Inject(LOADERS) private readonly loaders: LoaderModule,
    @Inject(OCCURRENCES) private readonly occurrences: WarmerOccurrences,
  ) {}

  @OnBatch()
  async warm(@Payload() batch: IncomingBatch, @Ctx() context: FreshetKafkaContext): Promise<void> {
    await this.queue.put(
      this.requestsOf(batch).filter((request) => this.isOurs(request)),
      context.signal,
    )
  }

  private isOurs({ owner, template }: WarmRequestRecord): boolean {
    if (owner === this.loaders.catalog.owner) return true
    this.occurrences.emit('refill:ended', { outcome: 'foreign', template, durationMs: 0 })
    return false
  }

  private requestsOf({ topic, records }: IncomingBatch): WarmRequestRecord[] {
    return records.flatMap(({ value, partition, offset }) => {
      try {
        const record = decode(value, topic)
        return record.kind === 'warm-request' ? [record] : []
      } catch (error) {
        if (!(error instanceof UnreadableRecordError)) throw error
        // nothing is lost by it: who reads the key loads it
        this.occurrences.emit('request:unreadable', { partition, offset, error })
        return []
      }
    })
  }
}
