import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'

/** A record as any Kafka client sees it. */
export interface PlainRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: string | null
  readonly value: string | null
  readonly headers: Readonly<Record<string, string>>
}

/** Takes records in order; once it answers with undefined, enough was read. Else it says what is still missing. */
export type Reader = (records: readonly PlainRecord[]) => string | undefined

/**
 * Reads topics from their beginning with kafkajs alone, as somebody would who has never heard of Freshet, until the reader
 * has enough. Throws Error with what is still missing once `deadlineMs` is over.
 */
export async function readFromBeginning(
  brokers: string,
  topics: readonly string[],
  deadlineMs: number,
  reader: Reader,
): Promise<void> {
  const kafka = new Kafka({ clientId: 'outsider', brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `outsider-${randomUUID()}`, maxWaitTimeInMs: 100 })
  const enough = Promise.withResolvers<void>()
  let missing: string | undefined = 'no record came'
  const deadline = setTimeout(() => enough.reject(new Error(`not within ${deadlineMs} ms: ${missing}`)), deadlineMs)
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        missing = reader(
          messages.map(({ offset, key, value, headers = {} }) => ({
            topic,
            partition,
            offset: BigInt(offset),
            key: key?.toString() ?? null,
            value: value?.toString() ?? null,
            headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
          })),
        )
        if (missing === undefined) enough.resolve()
      },
    })
    await enough.promise
  } finally {
    clearTimeout(deadline)
    await consumer.disconnect()
  }
}
