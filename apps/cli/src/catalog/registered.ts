import { validateCatalog } from '@freshet/catalog'
import { catalogKey, topics as topicNames, type CatalogDocument, type CatalogStatusRecord } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { readToEnd } from '../read-to-end.js'

/** What stands under one owner and version in Kafka. */
export interface KnownCatalog {
  readonly owner: string
  readonly version: string
  /** The content that was accepted, else the last one; undefined once it is retired. */
  readonly document: CatalogDocument | undefined
  /** The listener's last answer, and when it was written, in milliseconds since 1970. */
  readonly status: CatalogStatusRecord | undefined
  readonly answeredAtMs: number | undefined
}

/** One that is not retired. */
export interface RegisteredCatalog {
  readonly catalog: CatalogDocument
  readonly status: CatalogStatusRecord | undefined
}

/** Reads both catalog topics to their end: every catalog, those that are retired included. */
export async function readCatalogs(kafka: KafkaPort, topicPrefix: string): Promise<readonly KnownCatalog[]> {
  const topics = topicNames(topicPrefix)
  const documents = new Map<string, readonly CatalogDocument[]>()
  const answers = new Map<string, { readonly status: CatalogStatusRecord; readonly atMs: number }>()
  const names = new Map<string, Pick<KnownCatalog, 'owner' | 'version'>>()
  const noted = ({ owner, version }: Pick<KnownCatalog, 'owner' | 'version'>): string => {
    const key = catalogKey(owner, version)
    names.set(key, { owner, version })
    return key
  }
  await readToEnd(kafka, [topics.catalogs, topics.catalogStatus], (record, { timestampMs }) => {
    if (record.kind === 'catalog') {
      const key = noted(record.catalog)
      documents.set(key, [...(documents.get(key) ?? []), record.catalog])
    }
    if (record.kind === 'catalog-retired') documents.set(noted(record), [])
    if (record.kind === 'catalog-status') answers.set(noted(record), { status: record, atMs: timestampMs })
  })
  return [...names].map(([key, name]) => {
    const answer = answers.get(key)
    const contents = documents.get(key) ?? []
    return {
      ...name,
      document: acceptedOf(contents, answer?.status) ?? contents.at(-1),
      status: answer?.status,
      answeredAtMs: answer?.atMs,
    }
  })
}

/** Reads what is registered and not retired. */
export async function readRegistered(kafka: KafkaPort, topicPrefix: string): Promise<readonly RegisteredCatalog[]> {
  const known = await readCatalogs(kafka, topicPrefix)
  return known.flatMap(({ document, status }) => (document ? [{ catalog: document, status }] : []))
}

/** Other content may have been registered over it since: that is refused. */
const acceptedOf = (
  contents: readonly CatalogDocument[],
  status: CatalogStatusRecord | undefined,
): CatalogDocument | undefined =>
  contents.length > 1 && status?.state === 'accepted'
    ? contents.findLast((document) => validateCatalog(document).catalog?.fingerprint === status.fingerprint)
    : undefined
