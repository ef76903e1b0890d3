import type { CatalogFault, CatalogStatusRecord, GapCause, GapScope } from '@freshet/events'
import type { Lsn } from '@freshet/pgoutput'
import type pg from 'pg'
import type { WatchedTables } from '../watched-tables.js'

export interface AdmissionOptions {
  /** On the primary, as the role that owns the publications. */
  readonly pool: pg.Pool
  /** Freshet's first publication; the second is `<publication>_append`. */
  readonly publication: string
  readonly namespace: string
}

/** What admission has others do. Each resolves when it is done for good (Kafka acknowledged it). */
export interface AdmissionPorts {
  /** The names of all topics that there are. */
  existingTopics(): Promise<readonly string[]>
  /** Creates `<entity>.changes.v1` and `<entity>.events.v1` where they are missing. */
  ensureTopics(entities: readonly string[]): Promise<void>
  /** From its return on the stream knows these tables; nothing else is watched. */
  applyWatched(watched: WatchedTables): void
  /** Writes the gap, behind everything that was sent before it, to every partition of every change topic. */
  publishGap(gap: AnnouncedGap): Promise<void>
  publishStatus(status: CatalogStatus): Promise<void>
  onOccurrence?(occurrence: AdmissionOccurrence): void
}

/** A gap as admission knows it; the stream adds its id, source and partitions. */
export interface AnnouncedGap {
  readonly scope: GapScope
  readonly cause: GapCause
  readonly lsn: Lsn
}

/** A status without the envelope that its publisher adds. */
export type CatalogStatus = CatalogStatusRecord extends infer Status
  ? Status extends CatalogStatusRecord
    ? Omit<Status, 'kind' | 'id' | 'source'>
    : never
  : never

/** What a starting listener knows of the time before. */
export interface RestartFacts {
  /** The last status of each catalog in `catalog-status.v1`, where it is `accepted`: `owner@version` -> fingerprint. */
  readonly accepted: ReadonlyMap<string, string>
  /** Has the slot just been created? Then changes may have been missed, and all are announced again. */
  readonly slotIsNew: boolean
}

/** What happened, for logs and metrics. */
export type AdmissionOccurrence =
  | {
      readonly kind: 'catalog:in-force'
      readonly owner: string
      readonly version: string
      readonly fingerprint: string
      readonly lsn: Lsn
    }
  | {
      readonly kind: 'catalog:refused'
      readonly owner: string
      readonly version: string
      readonly fingerprint: string
      readonly faults: readonly CatalogFault[]
    }
  | { readonly kind: 'publication:altered'; readonly statements: readonly string[] }
