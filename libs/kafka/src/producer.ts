import type { Message, Producer, TopicMessages } from 'kafkajs'
import { compressionTypes } from './codecs.js'
import { answered, type Cuttable } from './cuttable.js'
import { KafkaClosedError, KafkaUnreachableError, SendFailedError } from './errors.js'
import { failureOf } from './failure.js'
import { partitioner } from './partitioner.js'
import type { BatchProducer, Compression, OutgoingRecord } from './port.js'
import { atMost, sendRetry } from './retries.js'

/** kafkajs puts a request's records of one partition into one batch, and a topic's default limit is 1 MiB a batch. */
const requestBytes = 900 * 1024
/** kafkajs copies a partition's list for each record it adds, so that long lists cost their square. */
const requestRecords = 1_000
/** Lengths, deltas and header names of one record, rounded up. */
const recordOverhead = 100

/** For what is on its way to be acknowledged, and for the client to say good-bye, when the producer is closed. */
const partingMs = 3_000

/** What is needed of kafkajs' producer; `cut` ends it whatever it still tries. */
export type SendingClient = Pick<Producer, 'sendBatch' | 'disconnect'> & Pick<Cuttable, 'cut'>

/** Opens a kafkajs producer under a producer id of its own. */
export async function openIdempotentClient(
  { kafka, cut, onRequestTimeout }: Cuttable,
  silenceMs: number,
): Promise<SendingClient> {
  const client = kafka.producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    createPartitioner: partitioner,
    metadataMaxAge: 60_000,
    retry: sendRetry,
  })
  client.on(client.events.REQUEST_TIMEOUT, onRequestTimeout)
  try {
    await answered(client.connect(), silenceMs)
  } catch (error) {
    cut()
    throw error
  }
  return { sendBatch: (batch) => client.sendBatch(batch), disconnect: () => client.disconnect(), cut }
}

/** One call of `send` on its way. */
interface Sending {
  readonly records: readonly OutgoingRecord[]
  sent: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Sends one request at a time; what is given meanwhile goes out together in the next one.
 *
 *   open --close()--> closing --queue empty, or no answer in time--> closed
 *
 * Invariant: a kafkajs producer sends nothing more once a request of it has failed, and is cut off from the brokers. It
 * would give the failed request's sequence numbers to the next one, and a broker that had written the first would take the
 * second for a repetition, acknowledge it and drop it; and what it still tried by itself could overtake what is sent anew.
 */
export class QueueingProducer implements BatchProducer {
  #mode: 'open' | 'closing' | 'closed' = 'open'
  #client: SendingClient | undefined
  readonly #queue: Sending[] = []
  #draining: Promise<void> | undefined

  constructor(
    private readonly openClient: () => Promise<SendingClient>,
    private readonly compression: Compression,
    private readonly brokers: readonly string[],
    /** A request that is not answered for so long has failed. */
    private readonly silenceMs: number,
  ) {}

  /** Throws KafkaUnreachableError. */
  async connect(): Promise<void> {
    try {
      this.#client = await this.openClient()
    } catch (error) {
      throw new KafkaUnreachableError(this.brokers, failureOf(error).name, { cause: error })
    }
  }

  send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#mode !== 'open') return Promise.reject(new KafkaClosedError('the producer'))
    if (records.length === 0) return Promise.resolve()
    const sent = new Promise<void>((resolve, reject) => this.#queue.push({ records, sent: 0, resolve, reject }))
    this.#draining ??= this.#drain()
    return sent
  }

  async close(): Promise<void> {
    this.#mode = 'closing'
    const drained = (this.#draining ?? Promise.resolve()).then(() => this.#client?.disconnect())
    await atMost(
      partingMs,
      drained.catch(() => undefined),
    )
    this.#mode = 'closed'
    this.#giveUp()
  }

  async #drain(): Promise<void> {
    // Calls of one turn of the event loop share a request.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const request = takeRequest(this.#queue)
      try {
        this.#client ??= await this.openClient()
        if (this.#mode === 'closed') throw new KafkaClosedError('the producer')
        const compression = compressionTypes[this.compression]
        const sent = this.#client.sendBatch({ acks: -1, compression, topicMessages: request.messages })
        await answered(sent, this.silenceMs)
        for (const sending of request.completed) sending.resolve()
      } catch (error) {
        this.#failAll(request, error)
        this.#giveUp()
      }
    }
    this.#draining = undefined
  }

  /** What is queued behind a failure fails too: sent alone, it would stand before what its sender will send again. */
  #failAll(request: Request, error: unknown): void {
    const { name, retriable } = failureOf(error)
    const topics = request.messages.map(({ topic }) => topic)
    const failed = new SendFailedError(topics, name, retriable, { cause: error })
    for (const sending of request.completed) sending.reject(failed)
    for (const sending of this.#queue.splice(0)) sending.reject(failed)
  }

  #giveUp(): void {
    this.#client?.cut()
    this.#client = undefined
  }
}

interface Request {
  readonly messages: TopicMessages[]
  /** Calls whose last record is in this request. */
  readonly completed: readonly Sending[]
}

/** Takes records from the head of the queue, in order, up to the limits; at least one. */
function takeRequest(queue: Sending[]): Request {
  const byTopic = new Map<string, Message[]>()
  const completed: Sending[] = []
  let bytes = 0
  let count = 0
  for (let sending = queue[0]; sending !== undefined; sending = queue[0]) {
    for (let record = sending.records[sending.sent]; record !== undefined; record = sending.records[sending.sent]) {
      bytes += sizeOf(record)
      count += 1
      if (count > 1 && (bytes > requestBytes || count > requestRecords))
        return { messages: grouped(byTopic), completed }
      const messages = byTopic.get(record.topic)
      if (messages) messages.push(messageOf(record))
      else byTopic.set(record.topic, [messageOf(record)])
      sending.sent += 1
    }
    completed.push(sending)
    queue.shift()
  }
  return { messages: grouped(byTopic), completed }
}

const grouped = (byTopic: Map<string, Message[]>): TopicMessages[] =>
  [...byTopic].map(([topic, messages]) => ({ topic, messages }))

const messageOf = ({ key, value, headers, partition }: OutgoingRecord): Message => ({
  key,
  value,
  ...(headers && { headers }),
  ...(partition !== undefined && { partition }),
})

const sizeOf = (record: OutgoingRecord): number =>
  recordOverhead + lengthOf(record.key) + lengthOf(record.value) + headersLength(record.headers)

/** Short text counts by its characters: the overhead above leaves room for those that take more bytes. */
const lengthOf = (content: string | Buffer | null): number => {
  if (content === null) return 0
  return typeof content === 'string' && content.length > 200 ? Buffer.byteLength(content) : content.length
}

const headersLength = (headers: OutgoingRecord['headers']): number => {
  let length = 0
  for (const name in headers) length += name.length + (headers[name]?.length ?? 0)
  return length
}
