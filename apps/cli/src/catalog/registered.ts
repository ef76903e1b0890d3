import { catalogKey, topics as topicNames, type CatalogDocument, type CatalogStatusRecord } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { readToEnd } from '../read-to-end.js'

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
  await readToEnd(kafka, [topics.catalogs, topics.catalogStatus], (record) => {
    if (record.kind === 'catalog')
      catalogs.set(catalogKey(record.catalog.owner, record.catalog.version), record.catalog)
    if (record.kind === 'catalog-retired') catalogs.delete(catalogKey(record.owner, record.version))
    if (record.kind === 'catalog-status') statuses.set(catalogKey(record.owner, record.version), record)
  })
  return [...catalogs].map(([name, catalog]) => ({ catalog, status: statuses.get(name) }))
}
