import type { Lsn, Xid } from '@freshet/pgoutput'
import type { AppliedWatermark, Moment, ShardTag } from '../../src/index.js'

export interface Change {
  readonly kind: 'change'
  readonly xid: Xid
  readonly lsn: Lsn
  readonly row: number
  /** The row's version once this change is visible. */
  readonly version: number
  /** Fenced by its template instead of its key (TRUNCATE). */
  readonly wholeTemplate: boolean
}

/** On every partition: whatever stands behind it is planned with this catalog. */
export interface InForce {
  readonly kind: 'in-force'
  readonly catalog: number
  readonly announcement: number
}

export type KafkaRecord = Change | { readonly kind: 'watermark'; readonly moment: Moment } | InForce

/** Every fence up to here is in this Redis, and was announced. */
export interface Applied {
  readonly watermark: AppliedWatermark
  readonly redis: string
}

/** What is fenced, and, for the judge, the versions that this promises. */
export interface Fences {
  readonly tags: readonly ShardTag[]
  readonly promises: readonly (readonly [promise: number, version: number])[]
}

/** What every memory is told. */
export interface Announcement {
  readonly what: Fences | Applied
  /** By place: how often it had failed over by then; what was fenced before the last time may have to be fenced again. */
  readonly failovers: readonly number[]
}

/** The partitions of changes, and the announcements. */
export class Kafka {
  /** By partition. */
  readonly logs: readonly KafkaRecord[][]
  readonly announcements: Announcement[] = []

  constructor(partitions: number) {
    this.logs = Array.from({ length: partitions }, () => [])
  }

  log(partition: number): KafkaRecord[] {
    return this.logs[partition] as KafkaRecord[]
  }

  /** Records of one key are in one partition. */
  partitionOf(row: number): number {
    return Math.min(row, 1) % this.logs.length
  }

  announce(announcement: Announcement): void {
    this.announcements.push(announcement)
  }
}
