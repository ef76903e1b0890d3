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
    records: messages.map((message) => incomingRecord(topic, partition, message)),
  }
}

const incomingRecord = (topic: string, partition: number, message: KafkaMessage): IncomingRecord => ({
  topic,
  partition,
  offset: BigInt(message.offset),
  key: message.key,
  value: message.value,
  headers: message.headers === undefined ? none : textHeaders(message.headers),
  timestampMs: Number(message.timestamp),
})

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
