import {
  catalogKey,
  decodeOrSkip,
  topics as topicNames,
  type CatalogDocument,
  type CatalogStatusRecord,
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
      const record = decodeOrSkip(value, topic) // what someone else wrote there must not hide the catalogs
      if (record.kind === 'catalog')
        catalogs.set(catalogKey(record.catalog.owner, record.catalog.version), record.catalog)
      if (record.kind === 'catalog-retired') catalogs.delete(catalogKey(record.owner, record.version))
      if (record.kind === 'catalog-status') statuses.set(catalogKey(record.owner, record.version), record)
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
