import { setImmediate as nextTurn } from 'node:timers/promises'
import { partitionOf, type BroadcastReader, type IncomingRecord, type KafkaPort, type Place } from '@freshet/kafka'

/** What Kafka holds could not be read back in time. */
export class ReadBackTimeoutError extends Error {
  readonly code = 'READ_BACK_TIMEOUT'

  constructor(
    readonly topics: readonly string[],
    readonly withinMs: number,
  ) {
    super(
      `${topics.join(', ')} could not be read back within ${withinMs / 1_000} s: Kafka is slow, or holds very much; try again`,
    )
    this.name = 'ReadBackTimeoutError'
  }
}

/** An hour of fences is read in the process that makes the next ones, which are not to wait for it: well below a millisecond. */
const recordsATurn = 200

/** What is to be read, and for how long at most. */
export interface ReadBack {
  readonly kafka: KafkaPort
  readonly withinMs: number
}

/**
 * Reads on from places to what was the end when it began. Partitions without a place are not read.
 *
 * Throws ReadBackTimeoutError, and KafkaUnreachableError.
 */
export async function readFrom(
  { kafka, withinMs }: ReadBack,
  places: readonly Place[],
  onRecord: (record: IncomingRecord) => void,
): Promise<void> {
  if (places.length === 0) return
  let seen = 0
  const wanted = new Set(places.map(nameOf))
  const topics = [...new Set(places.map(({ topic }) => topic))]
  const reader = kafka.broadcast({
    topics,
    from: places,
    onRecord: async (record) => {
      if (wanted.has(nameOf(record))) onRecord(record)
      if (++seen % recordsATurn === 0) await nextTurn()
    },
  })
  await within(reader, withinMs, topics, reader.caughtUp())
}

/**
 * Reads the records of one partition from one offset on and before another, as far as they are still kept.
 *
 * Throws ReadBackTimeoutError, and KafkaUnreachableError.
 */
export async function readRange(
  { kafka, withinMs }: ReadBack,
  {
    topic,
    partition,
    from,
    to,
  }: { readonly topic: string; readonly partition: number; readonly from: bigint; readonly to: bigint },
  onRecord: (record: IncomingRecord) => void,
): Promise<void> {
  const existing = await kafka.admin.topics()
  if (!existing.includes(topic)) return
  let atEnd: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    atEnd = resolve
  })
  const reader = kafka.broadcast({
    topics: [topic],
    from: [{ topic, partition, offset: from }],
    onRecord: (record) => {
      if (record.partition !== partition) return
      if (record.offset < to) onRecord(record)
      if (record.offset >= to - 1n) atEnd()
    },
  })
  await within(reader, withinMs, [topic], Promise.race([ended, reader.caughtUp()]))
}

/** Of those of the topic's partitions that hold these keys, the first records that are not older. None where there is no such topic. */
export async function placesOf(
  kafka: KafkaPort,
  topic: string,
  sinceMs: number,
  keys: readonly string[] | 'any',
): Promise<readonly Place[]> {
  const existing = await kafka.admin.topics()
  if (!existing.includes(topic)) return []
  const places = await kafka.admin.placesSince(topic, sinceMs)
  if (keys === 'any') return places
  const partitions = new Set(keys.map((key) => partitionOf(key, places.length)))
  return places.filter(({ partition }) => partitions.has(partition))
}

async function within(
  reader: BroadcastReader,
  withinMs: number,
  topics: readonly string[],
  work: Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ReadBackTimeoutError(topics, withinMs)), withinMs)
  })
  work.catch(() => undefined) // closing ends it too
  try {
    await Promise.race([reader.start().then(() => work), late])
  } finally {
    clearTimeout(timer)
    await reader.close()
  }
}

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}/${partition}`
