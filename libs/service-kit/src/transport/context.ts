import type { Decoded } from '@freshet/events'
import type { BatchContext, IncomingBatch, IncomingRecord } from '@freshet/kafka'
import { BaseRpcContext } from '@nestjs/microservices'

/** What a handler has beside its payload: `@Ctx() context: FreshetKafkaContext`. */
export class FreshetKafkaContext extends BaseRpcContext<[IncomingBatch, BatchContext, IncomingRecord | undefined]> {
  constructor(batch: IncomingBatch, context: BatchContext, record?: IncomingRecord) {
    super([batch, context, record])
  }

  get batch(): IncomingBatch {
    return this.args[0]
  }

  get topic(): string {
    return this.batch.topic
  }

  get partition(): number {
    return this.batch.partition
  }

  /** The record at hand; undefined in a handler of batches. */
  get record(): IncomingRecord | undefined {
    return this.args[2]
  }

  /** Aborted once the partition is taken away or the service stops: what the handler still does is repeated elsewhere. */
  get signal(): AbortSignal {
    return this.args[1].signal
  }

  /** Gives the consumer a turn; for handlers that compute for seconds without waiting for anything. */
  heartbeat(): Promise<void> {
    return this.args[1].heartbeat()
  }

  isStale(): boolean {
    return this.args[1].isStale()
  }
}

/** What `@OnRecord` hands out. */
export type RecordPayload = Exclude<Decoded, { readonly kind: 'unknown' }>
