import type { AccessOutcomes, GapCause } from '@freshet/events'
import type { Lsn } from '@freshet/pgoutput'
import type { PlannerSize } from '@freshet/planner'

/** What happens in this service, one typed record an occurrence; logs and metrics listen. */
export interface InvalidationOccurrences {
  'batch:applied': {
    readonly topic: string
    readonly partition: number
    readonly records: number
    readonly changes: number
    readonly tagsFenced: number
    /** Hot keys that the tags cover, and those of them that the warmer was asked to refresh; others wait for a refresh already. */
    readonly hotKeysFenced: number
    readonly refreshesScheduled: number
    /** From the oldest commit in the batch to the reply of its last rotation, in ms. Absent when nothing was fenced. */
    readonly commitToFenceMs?: number
    /** From the batch's arrival to its cursor, in ms. */
    readonly tookMs: number
  }
  'record:dead-lettered': {
    readonly topic: string
    readonly partition: number
    readonly offset: bigint
    readonly reason: string
  }
  'gap:applied': { readonly cause: GapCause; readonly scope: string; readonly templates: number }
  'shards:recovered': { readonly shards: number }
  'watermark:applied': { readonly lsn: Lsn; readonly databaseTimeMs: number }
  'catalog:in-force': { readonly owner: string; readonly version: string; readonly lsn: Lsn }
  'catalog:unknown': { readonly owner: string; readonly version: string; readonly reason: string }
  /** The dependency graph was made anew, since a catalog came or went. */
  'graph:compiled': PlannerSize
  /** A client told what it has read. Not of reports that are read again after a restart. */
  'accesses:reported': { readonly templates: Readonly<Record<string, AccessOutcomes>> }
  /** What a client, or someone else, wrote to the topic of reports could not be read. */
  'accesses:skipped': { readonly topic: string }
  /** A connector's slot is not there, or cannot be read any more: its topics are not vouched for until it is back. */
  'connector:missing': { readonly slot: string }
  'upkeep:failed': { readonly step: string; readonly error: unknown }
}
