import { decodeOrSkip, type Decoded } from '@freshet/events'
import type { IncomingRecord, KafkaPort } from '@freshet/kafka'

/** Reads those of the topics that exist from their first record to their end; what cannot be read is skipped. */
export async function readToEnd(
  kafka: KafkaPort,
  topics: readonly string[],
  onRecord: (record: Decoded, incoming: IncomingRecord) => void,
): Promise<void> {
  const existing = await kafka.admin.topics()
  const present = topics.filter((topic) => existing.includes(topic))
  if (present.length === 0) return
  const reader = kafka.broadcast({
    topics: present,
    from: 'earliest',
    onRecord: (record) => onRecord(decodeOrSkip(record.value, record.topic), record), // what someone else wrote there must not hide the rest
  })
  try {
    await reader.start()
    await reader.caughtUp()
  } finally {
    await reader.close()
  }
}
