import { foreignTopics, validateCatalog, type ForeignTopic } from '@freshet/catalog'
import type { CatalogFault } from '@freshet/events'
import type { Lsn } from '@freshet/pgoutput'
import type { CatalogInForce } from '@freshet/redis'
import type { KnownCatalog } from './registered.js'

/**
 * Where a catalog stands.
 *
 *   pending --the listener's answer--> accepted --every partition has passed it--> in-force --retired--> retiring
 *      +--> refused                                                       retiring --the listener's answer--> retired
 *
 * One in force that its database no longer fits is refused.
 */
export type CatalogState = 'pending' | 'accepted' | 'in-force' | 'refused' | 'retiring' | 'retired'

export interface CatalogStanding {
  readonly owner: string
  readonly version: string
  readonly state: CatalogState
  /** Of the content that was answered, or is in force. */
  readonly fingerprint: string | undefined
  /** Since which LSN it is in force, or accepted, or retired. */
  readonly lsn: Lsn | undefined
  /** When the listener said so, in milliseconds since 1970. */
  readonly sinceMs: number | undefined
  readonly faults: readonly CatalogFault[]
  /** The topics of others that it reads, and how strong their fences are. */
  readonly topics: readonly Pick<ForeignTopic, 'topic' | 'strength'>[]
}

/** Joins what Kafka remembers with what Redis holds, by which clients go. */
export function standingsOf(
  known: readonly KnownCatalog[],
  inForce: readonly CatalogInForce[],
): readonly CatalogStanding[] {
  return known.map((catalog) => standingOf(catalog, inForce)).sort(byName)
}

function standingOf(catalog: KnownCatalog, inForce: readonly CatalogInForce[]): CatalogStanding {
  const { owner, version, document, status, answeredAtMs: sinceMs } = catalog
  const held = inForce.find((one) => one.owner === owner && one.version === version)
  const stands = { owner, version, faults: [], topics: topicsOf(document) }
  const answer = status && { fingerprint: status.fingerprint || undefined, sinceMs }
  const unknown = { fingerprint: held?.fingerprint, lsn: held?.lsn, sinceMs: undefined }
  if (document === undefined) {
    if (status?.state === 'retired' && held === undefined)
      return { ...stands, ...unknown, ...answer, state: 'retired', lsn: status.lsn }
    return { ...stands, ...unknown, state: 'retiring' }
  }
  if (status?.state === 'refused') {
    const { faults } = status
    return { ...stands, ...unknown, ...answer, state: 'refused', lsn: undefined, faults }
  }
  if (status?.state !== 'accepted') return { ...stands, ...unknown, lsn: undefined, state: 'pending' }
  const isHeld = held?.fingerprint === status.fingerprint
  return { ...stands, ...unknown, ...answer, state: isHeld ? 'in-force' : 'accepted', lsn: held?.lsn ?? status.lsn }
}

function topicsOf(document: KnownCatalog['document']): CatalogStanding['topics'] {
  const { catalog } = validateCatalog(document)
  return catalog ? foreignTopics([catalog]).map(({ topic, strength }) => ({ topic, strength })) : []
}

const byName = (one: CatalogStanding, other: CatalogStanding): number =>
  one.owner === other.owner
    ? one.version.localeCompare(other.version, 'en', { numeric: true })
    : one.owner.localeCompare(other.owner, 'en')
