import { randomUUID } from 'node:crypto'
import kafkajs, { type RetryOptions } from 'kafkajs'
import { ReconnectingAdmin } from './admin.js'
import { SoloGroupReader } from './broadcast.js'
import { registerCodecs } from './codecs.js'
import { GroupConsumer, type MemberProgress } from './consumer.js'
import { openCuttable, type Cuttable } from './cuttable.js'
import { KafkaClosedError } from './errors.js'
import { logTo } from './log.js'
import type { Progress } from './membership.js'
import type {
  BatchConsumer,
  BatchProducer,
  BroadcastOptions,
  BroadcastReader,
  ConsumerOptions,
  KafkaAdmin,
  KafkaOptions,
  KafkaPort,
  ProducerOptions,
} from './port.js'
import { openIdempotentClient, QueueingProducer } from './producer.js'
import { connectionRetry, memberRetry } from './retries.js'

/**
 * Opens the port. Nothing is connected until a producer, consumer, reader or the admin is used.
 *
 * Run Node with `--disable-warning=TimeoutNegativeWarning`: kafkajs sets timers that are due already.
 *
 * @example
 * const kafka = connectKafka({ brokers: ['127.0.0.1:9092'], clientId: 'my-service' })
 * const producer = await kafka.producer()
 * await producer.send([{ topic: 'member.changes.v1', key: '42', value: '{}' }])
 */
export function connectKafka(options: KafkaOptions): KafkaPort {
  registerCodecs()
  return new KafkajsPort(options)
}

class KafkajsPort implements KafkaPort {
  readonly #admin: ReconnectingAdmin
  readonly #open = new Set<{ close(): Promise<void> }>()
  #closed = false

  constructor(private readonly options: KafkaOptions) {
    this.#admin = new ReconnectingAdmin(() => this.#client(connectionRetry), options.brokers, this.#silenceMs)
  }

  get admin(): KafkaAdmin {
    return this.#admin
  }

  async producer({ compression = 'none' }: ProducerOptions = {}): Promise<BatchProducer> {
    const open = () => openIdempotentClient(this.#client(connectionRetry), this.#silenceMs)
    const producer = new QueueingProducer(open, compression, this.options.brokers, this.#silenceMs)
    this.#keep(producer)
    await producer.connect()
    return producer
  }

  consumer(options: ConsumerOptions): BatchConsumer {
    const commits = options.positions === 'committed' ? 'each' : 'monitoring'
    return this.#keep(this.#member(options, { commits }))
  }

  broadcast(options: BroadcastOptions): BroadcastReader {
    const groupId = `${this.options.clientId}-broadcast-${randomUUID()}`
    const openConsumer = (consumer: Omit<ConsumerOptions, 'groupId'>, progress: Progress): BatchConsumer =>
      this.#member({ ...consumer, groupId }, { commits: 'none', ...progress })
    return this.#keep(
      new SoloGroupReader(this.#admin, options, openConsumer, () =>
        this.#admin.removeGroup(groupId).catch(() => undefined),
      ),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map((part) => part.close()))
    this.#admin.close()
  }

  get #silenceMs(): number {
    return this.options.silenceMs ?? 20_000
  }

  #client(retry: RetryOptions): Cuttable {
    const { brokers, clientId, log } = this.options
    return openCuttable({
      brokers: [...brokers],
      clientId,
      logCreator: logTo(log),
      logLevel: log ? kafkajs.logLevel.INFO : kafkajs.logLevel.NOTHING,
      connectionTimeout: 3_000,
      requestTimeout: this.#silenceMs / 2,
      retry,
    })
  }

  #member(options: ConsumerOptions, progress: MemberProgress): GroupConsumer {
    return new GroupConsumer(() => this.#client(memberRetry), this.#admin, options, progress, 2 * this.#silenceMs)
  }

  #keep<T extends { close(): Promise<void> }>(part: T): T {
    if (this.#closed) throw new KafkaClosedError('this Kafka port')
    this.#open.add(part)
    return part
  }
}
