import { decode, UnreadableRecordError, type WarmRequestRecord } from '@freshet/events'
import { type IncomingBatch } from '@freshet/kafka'
import { FreshetKafkaContext, OnBatch } from '@freshet/service-kit'
import { Controller, Inject } from '@nestjs/common'
import { Ctx, Payload } from '@nestjs/microservices'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { Warmer } from './warmer.js'

/** Takes warm requests; a batch is done, and its offset moves, when its last refill is. */
@Controller()
export class WarmRequestsController {
  constructor(
    private readonly warmer: Warmer,
    @Inject(OCCURRENCES) private readonly occurrences: WarmerOccurrences,
  ) {}

  @OnBatch()
  async warm(@Payload() batch: IncomingBatch, @Ctx() context: FreshetKafkaContext): Promise<void> {
    await this.warmer.refillAll(this.requestsOf(batch), context.signal)
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
