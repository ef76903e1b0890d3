import type { Scalar } from '@freshet/cache-keys'
import type { Lsn, Xid } from '@freshet/pgoutput'

/**
 * A column's value as records carry it: int2 and int4 as number, int8 as decimal text, bool as boolean, everything else
 * as Postgres' text.
 */
export type ColumnValue = string | number | boolean | null

/** By the database's column names. A missing name is unknown: unchanged TOAST, or not in the old image. */
export type Row = Readonly<Record<string, ColumnValue>>

/** The commit that a change belongs to. */
export interface Commit {
  readonly xid: Xid
  /** Begin's `final_lsn` + 1. */
  readonly lsn: Lsn
  /** Milliseconds since 1970, by the database's clock. */
  readonly at: number
}

/** One committed row change, or a truncate. */
export interface Change {
  /** Schema-qualified. */
  readonly table: string
  readonly operation: 'insert' | 'update' | 'delete' | 'truncate'
  readonly old?: Row | undefined
  readonly new?: Row | undefined
  /** Database names of the columns that an update changed; undefined = not known, which counts as all. */
  readonly changed?: readonly string[] | undefined
}

/** An event that a service emitted inside a transaction. */
export interface EmittedEvent {
  readonly name: string
  readonly parameters: Readonly<Record<string, Scalar>>
}
