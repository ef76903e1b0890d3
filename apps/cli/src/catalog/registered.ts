import {
  decode,
  topics as topicNames,
  UnreadableRecordError,
  type CatalogDocument,
  type CatalogStatusRecord,
  type Decoded,
} from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'

/** A catalog as Kafka remembers it, with the last answer to it. */
export interface RegisteredCatalog {
  readonly catalog: CatalogDocument
  readonly status: CatalogStatusRecord | undefined
}

/** Reads both catalog topics to their end. */
export async function readRegistered(kafka: KafkaPort, topicPrefix: string): Promise<readonly RegisteredCatalog[]> {
  const topics = topicNames(topicPrefix)
  const catalogs = new Map<string, CatalogDocument>()
  const statuses = new Map<string, CatalogStatusRecord>()
  const existing = await kafka.admin.topics()
  const present = [topics.catalogs, topics.catalogStatus].filter((topic) => existing.includes(topic))
  if (present.length === 0) return []
  const reader = kafka.broadcast({
    topics: present,
    from: 'earliest',
    onRecord: ({ value, topic }) => {
      const record = readable(value, topic)
      if (record?.kind === 'catalog') catalogs.set(`${record.catalog.owner}@${record.catalog.version}`, record.catalog)
      if (record?.kind === 'catalog-retired') catalogs.delete(`${record.owner}@${record.version}`)
      if (record?.kind === 'catalog-status') statuses.set(`${record.owner}@${record.version}`, record)
    },
  })
  try {
    await reader.start()
    await reader.caughtUp()
  } finally {
    await reader.close()
  }
  return [...catalogs].map(([name, catalog]) => ({ catalog, status: statuses.get(name) }))
}

/** What someone else wrote there must not hide the catalogs. */
function readable(value: Buffer | null, topic: string): Decoded | undefined {
  try {
    return decode(value, topic)
  } catch (error) {
    if (error instanceof UnreadableRecordError) return undefined
    throw error
  }
}
