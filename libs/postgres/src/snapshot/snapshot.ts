import { parseSnapshot, type Snapshot } from '@freshet/coherence'
import { lsn, parseLsn, type Lsn } from '@freshet/pgoutput'
import { fingerprintColumn } from '../tables/fingerprint.js'
import { identityColumns, identityOf, onlyRow, type IdentityColumns, type SystemIdentity } from './identity.js'
import type { Database } from './pool.js'

/** What the database showed at one moment. */
export interface PrimarySnapshot extends SystemIdentity {
  readonly snapshot: Snapshot
  /** Read after the snapshot was taken: every transaction that the snapshot shows has its commit at or below it. 0 in recovery. */
  readonly insertLsn: Lsn
  /** Clock of the database, in milliseconds since 1970. */
  readonly databaseTimeMs: number
}

/** A snapshot together with the watched tables' structure as that snapshot sees it. */
export interface TablesSnapshot extends PrimarySnapshot {
  /** See `tableFingerprint`. */
  readonly fingerprint: string
}

export interface SnapshotColumns extends IdentityColumns {
  readonly snapshot: string
  readonly insert_lsn: string | null
  readonly database_time_ms: number
}

/**
 * One statement: its snapshot is taken before any of its functions run, so the insert position is read behind it. On a
 * connection inside a REPEATABLE READ transaction the snapshot is the transaction's first, and the promise still holds.
 */
export const snapshotColumns = `
  pg_current_snapshot()::text as snapshot,
  case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end::text as insert_lsn,
  (extract(epoch from clock_timestamp()) * 1000)::float8 as database_time_ms,
  ${identityColumns}`

/** Takes a snapshot, with the server's role and identity (a balanced reader endpoint is no source of loads, DESIGN 7). */
export async function takeSnapshot(database: Database): Promise<PrimarySnapshot> {
  const { rows } = await database.query<SnapshotColumns>(`select ${snapshotColumns}`)
  return snapshotOf(onlyRow(rows))
}

/**
 * Takes a snapshot and, in the same statement and so under the same snapshot, the fingerprint of tables and of their
 * places in publications: what a watermark carries. Cheap enough for several a second.
 */
export async function takeTablesSnapshot(
  database: Database,
  tables: readonly string[],
  publications: readonly string[],
): Promise<TablesSnapshot> {
  const { rows } = await database.query<SnapshotColumns & { readonly fingerprint: string }>(
    `select ${snapshotColumns}, ${fingerprintColumn} as fingerprint`,
    [tables, publications],
  )
  const row = onlyRow(rows)
  return { ...snapshotOf(row), fingerprint: row.fingerprint }
}

export const snapshotOf = (row: SnapshotColumns): PrimarySnapshot => ({
  snapshot: parseSnapshot(row.snapshot),
  insertLsn: row.insert_lsn === null ? lsn(0n) : parseLsn(row.insert_lsn),
  databaseTimeMs: row.database_time_ms,
  ...identityOf(row),
})
