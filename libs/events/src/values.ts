import type { Lsn, Xid } from '@freshet/pgoutput'

/**
 * A column's value: int2 and int4 are numbers, int8 a decimal string, bool a boolean; uuid, text, enum, date and all
 * other types are Postgres' own text.
 */
export type ColumnValue = string | number | boolean | null

/** Values by database column name. A missing name is unknown (unchanged TOAST, or not in the old image), never null. */
export type Row = Readonly<Record<string, ColumnValue>>

/** What a row change did. */
export type Operation = 'insert' | 'update' | 'delete' | 'truncate'

/** The commit that a record stems from. */
export interface CommitStamp {
  readonly lsn: Lsn
  readonly xid: Xid
  /** Commit time of the database, in milliseconds since 1970. */
  readonly at: number
}

/** A commit and the place of one change within it. */
export interface CommitPlace extends CommitStamp {
  /** Position of the change within its transaction, from 0. */
  readonly index: number
}
