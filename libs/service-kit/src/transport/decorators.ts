import { applyDecorators, Catch, UseFilters, type ExceptionFilter } from '@nestjs/common'
import { EventPattern } from '@nestjs/microservices'
import { throwError, type Observable } from 'rxjs'

/** The id of the transport; `@EventPattern` of other transports is not for it, nor its handlers for them. */
export const FRESHET_KAFKA = Symbol('freshet-kafka')

/** What a handler wants; travels as the pattern's extras. */
export interface Wanted {
  readonly freshet: 'batch' | 'record'
  /** Topics or globs (`*` stands for any text without a dot); undefined = all of the strategy's. */
  readonly topics?: readonly string[]
  /** Type of the CloudEvent; undefined = all. */
  readonly type?: string
}

/**
 * Handles batches: `handle(@Payload() batch: IncomingBatch, @Ctx() context: FreshetKafkaContext)`, one batch of a partition
 * at a time. May return a promise or an Observable; the batch is done when it completes. When it fails, the batch comes
 * again. Topics may be globs, `*.changes.v1`; without any, all topics of the strategy.
 */
export const OnBatch = (topics?: string | readonly string[]): MethodDecorator =>
  handlerOf({ freshet: 'batch', ...(topics !== undefined && { topics: [topics].flat() }) })

/**
 * Handles single records of Freshet's topics, decoded, in the order of their partition:
 * `handle(@Payload() event: DomainEventRecord, @Ctx() context: FreshetKafkaContext)`. A handler that throws is given the
 * same record again, and none behind it before.
 *
 * @example OnRecord('payment.events.v1', 'payment.completed')
 */
export const OnRecord = (topics: string | readonly string[], type?: string): MethodDecorator =>
  handlerOf({ freshet: 'record', topics: [topics].flat(), ...(type !== undefined && { type }) })

/** Nest would replace the error by "Internal server error"; the transport needs the real one. */
@Catch()
class PassThroughFilter implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error)
  }
}

const handlerOf = (wanted: Wanted): MethodDecorator =>
  applyDecorators(EventPattern<string>(JSON.stringify(wanted), FRESHET_KAFKA, wanted), UseFilters(PassThroughFilter))
