import type { BatchConsumer, ConsumerHealth, ConsumerOptions, KafkaPort } from '@freshet/kafka'
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices'
import {
  distinctUntilChanged,
  exhaustMap,
  from,
  isObservable,
  of,
  retry,
  timer,
  combineLatest,
  map,
  type Observable,
  type Subscription,
} from 'rxjs'
import { FRESHET_KAFKA, type Wanted } from './decorators.js'
import { Dispatch, type OnUnreadable, type Route } from './dispatch.js'
import { matchesAny } from './topic-globs.js'

/** Topics that match a glob are looked for this often. */
const lookAroundMs = 2_000

export interface FreshetKafkaOptions extends Pick<
  ConsumerOptions,
  | 'groupId'
  | 'onAssigned'
  | 'onRevoked'
  | 'onOffsetOutOfRange'
  | 'onHandlerError'
  | 'retryMs'
  | 'retryMaxMs'
  | 'sessionTimeoutMs'
> {
  /** Stays open when the strategy closes. */
  readonly kafka: KafkaPort
  /** `'committed'` by default: the group's offsets are the truth, at least once. */
  readonly positions?: ConsumerOptions['positions']
  /** Topics of handlers that name none; may change while it runs. */
  readonly topics?: readonly string[] | Observable<readonly string[]>
  /** Default: logs it as an error and goes on, since no later try can read it either. */
  readonly onUnreadable?: OnUnreadable
}

/**
 * Kafka for Nest, a batch at a time: handlers are marked with `@OnBatch` and `@OnRecord`. A batch is done when its
 * handlers are, Observables included; an error of theirs commits nothing, and the batch comes again after a pause, while
 * other partitions go on. (Nest's own Kafka transport hands out single messages and commits past failed ones.)
 *
 * @example
 * const kafka = connectKafka({ brokers: ['127.0.0.1:9092'], clientId: 'mailer' })
 * const strategy = new FreshetKafkaStrategy({ kafka, groupId: 'mailer' })
 * const app = await NestFactory.createMicroservice(MailerModule, { strategy })
 * await app.listen()
 */
export class FreshetKafkaStrategy extends Server implements CustomTransportStrategy {
  override transportId = FRESHET_KAFKA
  override readonly propagatesEventHandlerErrors = true
  #consumer: BatchConsumer | undefined
  #topics: Subscription | undefined

  constructor(private readonly options: FreshetKafkaOptions) {
    super()
  }

  /** Begins in the background: an absent broker or topic shows in `health`, and is waited for. */
  listen(callback: (error?: unknown) => void): void {
    this.#begin().then(
      () => callback(),
      (error: unknown) => callback(error), // else a start that failed would hang
    )
  }

  async close(): Promise<void> {
    this.#topics?.unsubscribe()
    await this.#consumer?.close()
  }

  health(): ConsumerHealth {
    return this.#consumer?.health() ?? { state: 'stopped', reason: 'not started' }
  }

  /** Hands out nothing more, and keeps the place in the group. */
  pause(reason: string): void {
    this.#consumer?.pause(reason)
  }

  resume(): void {
    this.#consumer?.resume()
  }

  /** The transport has no events; see `health`. */
  override on(): void {
    return
  }

  /** The consumer. Throws Error before `listen`. */
  override unwrap<T = BatchConsumer>(): T {
    if (!this.#consumer) throw new Error('the transport has no consumer before it listens')
    return this.#consumer as T
  }

  async #begin(): Promise<void> {
    const {
      kafka,
      topics: _topics,
      positions = 'committed',
      onUnreadable = this.#logUnreadable,
      ...rest
    } = this.options
    const routes = [...this.messageHandlers.values()].flatMap(routesOf)
    if (routes.length === 0)
      throw new Error('no handler is marked with @OnBatch or @OnRecord; is its controller in a module?')
    const dispatch = new Dispatch(routes, onUnreadable)
    const consumer = kafka.consumer({
      onHandlerError: this.#logError,
      ...rest,
      positions,
      topics: dispatch.topics,
      onBatch: (batch, context) => dispatch.handle(batch, context),
    })
    this.#consumer = consumer
    let started = false
    await new Promise<void>((resolve, reject) => {
      this.#topics = this.#topicsOf(dispatch).subscribe({
        next: (topics) => {
          consumer.subscribe(topics)
          if (started) return
          started = true
          consumer.start().then(resolve, reject)
        },
        error: reject,
      })
    })
  }

  /** Named ones, the option's, and those that match a glob by now. */
  #topicsOf(dispatch: Dispatch): Observable<readonly string[]> {
    const { topics = [], kafka } = this.options
    const given: Observable<readonly string[]> = isObservable(topics) ? topics : of(topics)
    const found: Observable<readonly string[]> =
      dispatch.globs.length === 0
        ? of([])
        : timer(0, lookAroundMs).pipe(
            exhaustMap(() => from(kafka.admin.topics())),
            map((existing) => existing.filter((topic) => matchesAny(topic, dispatch.globs))),
            retry({ delay: lookAroundMs }),
          )
    return combineLatest([given, found]).pipe(
      map((lists) => [...new Set([...dispatch.topics, ...lists.flat()])].sort()),
      distinctUntilChanged((before, after) => before.join() === after.join()),
    )
  }

  readonly #logError: NonNullable<ConsumerOptions['onHandlerError']> = (error, { topic, partition, offset }) => {
    const { message, stack } = error instanceof Error ? error : { message: String(error) }
    this.logger.error(`${topic}/${partition} at ${offset}: ${message}`, stack)
  }

  readonly #logUnreadable: OnUnreadable = ({ topic, partition, offset }, error) => {
    this.logger.error(`${topic}/${partition} at ${offset} is skipped: ${error.reason}`)
  }
}

/** Nest chains the handlers of one pattern, and the first calls the rest. */
function routesOf(handler: MessageHandler): Route[] {
  const wanted: unknown = handler.extras
  return isWanted(wanted) ? [{ wanted, handler }] : []
}

const isWanted = (extras: unknown): extras is Wanted =>
  typeof extras === 'object' && extras !== null && 'freshet' in extras
