import { randomUUID } from 'node:crypto'
import kafkajs, { type RetryOptions } from 'kafkajs'
import { ReconnectingAdmin } from './admin.js'
import { SoloGroupReader } from './broadcast.js'
import { registerCodecs } from './codecs.js'
import { GroupConsumer } from './consumer.js'
import { KafkaClosedError } from './errors.js'
import { logTo } from './log.js'
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
  readonly #kafka: kafkajs.Kafka
  readonly #forMembers: kafkajs.Kafka
  readonly #admin: ReconnectingAdmin
  readonly #open = new Set<{ close(): Promise<void> }>()
  #closed = false

  constructor(private readonly options: KafkaOptions) {
    const { brokers, clientId, log } = options
    const open = (retry: RetryOptions): kafkajs.Kafka =>
      new kafkajs.Kafka({
        brokers: [...brokers],
        clientId,
        logCreator: logTo(log),
        logLevel: log ? kafkajs.logLevel.INFO : kafkajs.logLevel.NOTHING,
        connectionTimeout: 3_000,
        requestTimeout: 15_000,
        retry,
      })
    this.#kafka = open(connectionRetry)
    this.#forMembers = open(memberRetry)
    this.#admin = new ReconnectingAdmin(this.#kafka, brokers)
  }

  get admin(): KafkaAdmin {
    return this.#admin
  }

  async producer({ compression = 'none' }: ProducerOptions = {}): Promise<BatchProducer> {
    const producer = new QueueingProducer(() => openIdempotentClient(this.#kafka), compression, this.options.brokers)
    this.#keep(producer)
    await producer.connect()
    return producer
  }

  consumer(options: ConsumerOptions): BatchConsumer {
    const commits = options.positions === 'committed' ? 'each' : 'monitoring'
    return this.#keep(new GroupConsumer(this.#forMembers, this.#admin, options, { commits }))
  }

  broadcast(options: BroadcastOptions): BroadcastReader {
    const groupId = `${this.options.clientId}-broadcast-${randomUUID()}`
    const openConsumer = (consumer: Omit<ConsumerOptions, 'groupId'>, progress: object): BatchConsumer =>
      new GroupConsumer(this.#forMembers, this.#admin, { ...consumer, groupId }, { commits: 'none', ...progress })
    return this.#keep(
      new SoloGroupReader(this.#admin, options, openConsumer, () =>
        this.#admin.removeGroup(groupId).catch(() => undefined),
      ),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map((part) => part.close()))
    await this.#admin.close()
  }

  #keep<T extends { close(): Promise<void> }>(part: T): T {
    if (this.#closed) throw new KafkaClosedError('this Kafka port')
    this.#open.add(part)
    return part
  }
}
