import type { ParameterKinds } from '@freshet/cache-keys'
import type { Snapshot } from '@freshet/coherence'
import type { Lsn } from '@freshet/pgoutput'
import type { ColumnValue, CommitPlace, CommitStamp, Operation, Row } from './values.js'

/** What every record carries as a CloudEvent. `source` and `id` together name it; a repeated pair is a duplicate. */
export interface Named {
  readonly source: string
  readonly id: string
}

/** One committed row change. */
export interface ChangeRecord extends Named {
  readonly kind: 'change'
  readonly entity: string
  /** Schema-qualified, `public.members`. */
  readonly table: string
  readonly operation: Operation
  /** The primary key by column name, in the declared order; null for a key-less table and for a truncate. */
  readonly key: Row | null
  /** Absent when the database did not send it. */
  readonly old?: Row
  readonly new?: Row
  /** Names of changed columns; absent = unknown. */
  readonly changed?: readonly string[]
  readonly commit: CommitPlace
}

/** What a change, or a service by `emitEvent`, means to the business: `payment.completed`. */
export interface DomainEventRecord extends Named {
  readonly kind: 'event'
  readonly name: string
  readonly key: Row | null
  /** By alias of the catalog; of an emitted event its parameters. */
  readonly values: Readonly<Record<string, ColumnValue>>
  /** Was it written by a service inside its transaction, rather than read off a row? */
  readonly emitted: boolean
  readonly commit: CommitPlace
}

/** All changes up to `lsn` on this partition stand before this record, and every xid visible in `snapshot` has its commit at or below `lsn`. */
export interface WatermarkRecord extends Named {
  readonly kind: 'watermark'
  readonly lsn: Lsn
  /** What the previous watermark on this partition closed, or the slot's confirmed position at the epoch's start. */
  readonly from: Lsn
  readonly timeline: number
  readonly systemId: string
  /** Random per start of the listener. */
  readonly epoch: string
  /** Records sent on this partition in this epoch, this one included; the epoch opens with 1. */
  readonly sequence: bigint
  readonly snapshot: Snapshot
  /** Clock of the database, in milliseconds since 1970. */
  readonly databaseTime: number
  /** Of the watched tables' structure. */
  readonly fingerprint: string
}

/** Why changes may have been missed. */
export type GapCause =
  | 'first-start'
  | 'slot-lost'
  | 'lsn-break'
  | 'sequence-break'
  | 'offset-out-of-range'
  | 'cursor-lost'
  | 'slot-moved'
  | 'unreadable-record'
  | 'timeline-changed'
  | 'system-changed'
  | 'tables-changed'
  | 'catalog-in-force'
  | 'catalog-retired'
  | 'wal-budget'

/** What a catalog's parameters are, by template name and parameter name. */
export type ParameterKindsByTemplate = Readonly<Record<string, ParameterKinds>>

/** What a gap concerns. */
export type GapScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'tables'; readonly tables: readonly string[] }
  | {
      readonly kind: 'catalog'
      readonly owner: string
      readonly version: string
      readonly fingerprint: string
      readonly parameterKinds: ParameterKindsByTemplate
    }

/** After this record changes may have been missed (R9). */
export interface GapRecord extends Named {
  readonly kind: 'gap'
  readonly scope: GapScope
  readonly cause: GapCause
  readonly lsn: Lsn
  /** The same in every copy of one gap. */
  readonly gapId: string
  /** Every `topic/partition` it was written to. */
  readonly partitions: readonly string[]
}

/** The records that were applied together: those of one partition from `from` on, and before `to`. */
export interface AppliedBatch {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  readonly to: bigint
  /** When the service had read them, in milliseconds since 1970. */
  readonly readAt: number
}

/** Tags that were fenced, for every process that keeps values of its own. */
export interface InvalidationRecord extends Named {
  readonly kind: 'invalidation'
  readonly shard: number | 'all'
  readonly tags: readonly string[]
  readonly cause: 'change' | 'event' | 'gap' | 'hand'
  /** The oldest of those that fenced one of the tags. */
  readonly commit?: CommitStamp
  /** When the generations were rotated, in milliseconds since 1970. */
  readonly fencedAt: number
  /** Where the changes stand that fenced them. */
  readonly batch?: AppliedBatch
  /** Of a gap. */
  readonly gap?: GapCause
}

/** Everything up to `lsn` is fenced, and its invalidations stand before this record. */
export interface AppliedRecord extends Named {
  readonly kind: 'applied'
  readonly lsn: Lsn
  readonly snapshot: Snapshot
  readonly systemId: string
  readonly timeline: number
  /** In milliseconds since 1970. */
  readonly databaseTime: number
  /** Names the Redis that the fences are in: another after a restart or a failover. Left out where it did not say. */
  readonly redis?: string | undefined
}

/** A parameter of a key, as it travels. */
export type ParameterValue = string | number | boolean

/** As above, or of a `{query}` its named values. */
export type KeyParameter =
  ParameterValue | Readonly<Record<string, ParameterValue | null | readonly (ParameterValue | null)[]>>

/** Asks the warmer to refill one key. Times are in milliseconds since 1970. */
export interface WarmRequestRecord extends Named {
  readonly kind: 'warm-request'
  readonly owner: string
  readonly template: string
  readonly key: string
  readonly parameters: Readonly<Record<string, KeyParameter>>
  /** Higher is sooner. */
  readonly priority: number
  readonly notBefore: number
  readonly deadline: number
}

/** How often one key was read. */
export interface AccessCount {
  /** The template's name in its owner's catalog. */
  readonly template: string
  /** The key's text. */
  readonly key: string
  readonly count: number
}

/** Which layers answered the reads of one template; `missed`: none did, and the value was loaded. */
export interface AccessOutcomes {
  readonly l1: number
  readonly l2: number
  readonly missed: number
}

/** What one client read in one interval. */
export interface AccessStatsRecord extends Named {
  readonly kind: 'access-stats'
  /** Random per client. */
  readonly instance: string
  /** Of the catalog whose templates are named. */
  readonly owner: string
  /** When the interval ended, in milliseconds since 1970. */
  readonly endedAt: number
  readonly intervalMs: number
  /** Those that this client reads most. */
  readonly keys: readonly AccessCount[]
  /** Of all reads, by the template's name. */
  readonly templates: Readonly<Record<string, AccessOutcomes>>
}

/** A catalog's JSON as its owner sent it: judged by `@freshet/catalog`, not here, so that all its faults can be told. */
export interface CatalogDocument {
  readonly owner: string
  readonly version: string
  readonly [name: string]: unknown
}

/** A service's declaration. */
export interface CatalogRecord extends Named {
  readonly kind: 'catalog'
  readonly catalog: CatalogDocument
}

/** A catalog is no longer in use; a tombstone may follow. */
export interface CatalogRetiredRecord extends Named {
  readonly kind: 'catalog-retired'
  readonly owner: string
  readonly version: string
}

/** One thing wrong with a catalog. */
export interface CatalogFault {
  readonly code: string
  readonly path: string
  readonly message: string
  readonly fix?: string
}

/** The listener's answer to a catalog. */
export type CatalogStatusRecord = CatalogAccepted | CatalogRefused | CatalogLeft

export interface CatalogAccepted extends Named {
  readonly kind: 'catalog-status'
  readonly state: 'accepted'
  readonly owner: string
  readonly version: string
  readonly fingerprint: string
  readonly lsn: Lsn
  readonly parameterKinds: ParameterKindsByTemplate
}

export interface CatalogRefused extends Named {
  readonly kind: 'catalog-status'
  readonly state: 'refused'
  readonly owner: string
  readonly version: string
  readonly fingerprint: string
  readonly faults: readonly CatalogFault[]
}

/** The answer to a retirement: nothing is watched for the catalog from `lsn` on. */
export interface CatalogLeft extends Named {
  readonly kind: 'catalog-status'
  readonly state: 'retired'
  readonly owner: string
  readonly version: string
  /** Empty where the catalog was never in force. */
  readonly fingerprint: string
  readonly lsn: Lsn
}

/** A record that could not be read, as it came. */
export interface DeadLetterRecord extends Named {
  readonly kind: 'dead-letter'
  readonly original: Buffer
  readonly originalKey?: Buffer
  readonly originalHeaders: Readonly<Record<string, string>>
  readonly reason: string
  readonly sourceTopic: string
  readonly sourcePartition: number
  readonly sourceOffset: bigint
  readonly attempts: number
}

/** A CloudEvent of a type that this version does not know, or a null value (type undefined): to be skipped. */
export interface UnknownRecord {
  readonly kind: 'unknown'
  readonly type: string | undefined
}

/** Everything that Freshet's topics carry, by `kind`. */
export type FreshetRecord =
  | ChangeRecord
  | DomainEventRecord
  | WatermarkRecord
  | GapRecord
  | InvalidationRecord
  | AppliedRecord
  | WarmRequestRecord
  | AccessStatsRecord
  | CatalogRecord
  | CatalogRetiredRecord
  | CatalogStatusRecord
  | DeadLetterRecord

/** What `decode` returns. */
export type Decoded = FreshetRecord | UnknownRecord

/** A record of one kind before it has an id (and so before `encode` gave it one, where its id is not given by its data). */
export type Draft<R extends FreshetRecord> = R extends FreshetRecord ? Omit<R, 'kind' | 'id'> : never
