import type { Lsn } from './lsn.js'
import type { TupleView } from './tuple.js'

/** Microseconds from 1970 to 2000, where Postgres' clock begins. */
const postgresEpochUs = 946_684_800_000_000n

/** Milliseconds since 1970 from Postgres' microseconds since 2000, with their fraction. */
export const millisecondsOf = (postgresUs: bigint): number => Number(postgresUs + postgresEpochUs) / 1000

/** Postgres' microseconds since 2000 from milliseconds since 1970. */
export const postgresMicroseconds = (ms: number): bigint => BigInt(Math.round(ms * 1000)) - postgresEpochUs

export interface Begin {
  readonly kind: 'begin'
  /** Where the commit record starts; the transaction's LSN is this + 1 (DESIGN 1). */
  readonly finalLsn: Lsn
  /** Of the commit, in milliseconds since 1970. */
  readonly at: number
  /** The low 32 bits of the top-level transaction's id. */
  readonly xid32: number
}

export interface Commit {
  readonly kind: 'commit'
  readonly commitLsn: Lsn
  /** Behind the commit record: what may be acknowledged once everything before it is safe. */
  readonly endLsn: Lsn
  readonly at: number
}

export interface Origin {
  readonly kind: 'origin'
  readonly commitLsn: Lsn
  readonly name: string
}

/** `default` = the primary key, `nothing`, `full` = the whole row, `index` = a unique index's columns. */
export type ReplicaIdentitySetting = 'default' | 'nothing' | 'full' | 'index'

export interface RelationColumn {
  readonly name: string
  /** Part of the replica identity. */
  readonly isIdentity: boolean
  readonly typeOid: number
  readonly typeModifier: number
}

/** Describes a table before its first change, and again after its definition changed. */
export interface Relation {
  readonly kind: 'relation'
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly replicaIdentity: ReplicaIdentitySetting
  readonly columns: readonly RelationColumn[]
}

/** Names a type that is not built in. */
export interface Type {
  readonly kind: 'type'
  readonly oid: number
  readonly schema: string
  readonly name: string
}

export interface Insert {
  readonly kind: 'insert'
  readonly relationOid: number
  readonly new: TupleView
}

/** An old tuple: the identity's columns only (all others null), or the whole row. */
export interface OldTuple {
  readonly extent: 'identity' | 'row'
  readonly tuple: TupleView
}

export interface Update {
  readonly kind: 'update'
  readonly relationOid: number
  /** Absent when no column of the replica identity changed. */
  readonly old?: OldTuple
  readonly new: TupleView
}

export interface Delete {
  readonly kind: 'delete'
  readonly relationOid: number
  readonly old: OldTuple
}

export interface Truncate {
  readonly kind: 'truncate'
  readonly relationOids: readonly number[]
  readonly cascade: boolean
  readonly restartIdentity: boolean
}

/** What `pg_logical_emit_message` wrote. */
export interface LogicalMessage {
  readonly kind: 'message'
  readonly transactional: boolean
  readonly lsn: Lsn
  readonly prefix: string
  readonly content: Buffer
}

/** Everything that pgoutput sends in protocol version 1. */
export type Message = Begin | Commit | Origin | Relation | Type | Insert | Update | Delete | Truncate | LogicalMessage
