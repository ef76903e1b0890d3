import type { Batch, IHeaders, KafkaMessage } from 'kafkajs'
import type { IncomingBatch, IncomingRecord } from './port.js'

/** A fetched batch as the port hands it out. */
export function incomingBatch(batch: Batch): IncomingBatch {
  const { topic, partition, highWatermark, messages } = batch
  const nextOffset = BigInt(batch.lastOffset()) + 1n
  return {
    topic,
    partition,
    firstOffset: BigInt(batch.firstOffset() ?? nextOffset),
    nextOffset,
    highWatermark: BigInt(highWatermark),
    records: messages.map((message) => new ReceivedRecord(topic, partition, message)),
  }
}

/** Headers are read when asked for: of most records nobody does, and theirs would cost as much as all the rest. */
class ReceivedRecord implements IncomingRecord {
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly #headers: IHeaders | undefined
  readonly #timestamp: string

  constructor(
    readonly topic: string,
    readonly partition: number,
    { offset, key, value, headers, timestamp }: KafkaMessage,
  ) {
    this.offset = BigInt(offset)
    this.key = key
    this.value = value
    this.#headers = headers
    this.#timestamp = timestamp
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers === undefined ? none : textHeaders(this.#headers)
  }

  get timestampMs(): number {
    return Number(this.#timestamp)
  }
}

const none: Readonly<Record<string, string>> = Object.freeze({})

/** A header that is given several times has its last value. */
function textHeaders(headers: IHeaders): Record<string, string> {
  const text: Record<string, string> = {}
  for (const name in headers) {
    const given = headers[name]
    const value = Array.isArray(given) ? given.at(-1) : given
    if (value !== undefined) text[name] = value.toString()
  }
  return text
}
