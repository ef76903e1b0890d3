import type { Database } from './pool.js'

/** Which history a server's LSNs and xids belong to. */
export interface SystemIdentity {
  /** Unique per cluster, decimal; the same on its standbys. */
  readonly systemId: string
  /** Raised by each promotion. */
  readonly timeline: number
  readonly inRecovery: boolean
}

export interface IdentityColumns {
  readonly system_id: string
  readonly timeline: number
  readonly in_recovery: boolean
}

/**
 * Select-list of a server's identity.
 *
 * A primary names its timeline in the names of its WAL files; the control file still has the old one between a
 * promotion and the checkpoint behind it. In recovery only the control file can be asked.
 */
export const identityColumns = `
  (select system_identifier::text from pg_control_system()) as system_id,
  case when pg_is_in_recovery() then (select timeline_id from pg_control_checkpoint())
       else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int end as timeline,
  pg_is_in_recovery() as in_recovery`

export const identityOf = (row: IdentityColumns): SystemIdentity => ({
  systemId: row.system_id,
  timeline: row.timeline,
  inRecovery: row.in_recovery,
})

/** Reads which history the server's LSNs and xids belong to. */
export async function readSystemIdentity(database: Database): Promise<SystemIdentity> {
  const { rows } = await database.query<IdentityColumns>(`select ${identityColumns}`)
  return identityOf(onlyRow(rows))
}

/** The one row that a select without FROM has. */
export function onlyRow<R>(rows: readonly R[]): R {
  const [row] = rows
  if (row === undefined || rows.length > 1) throw new RangeError(`expected one row, but got ${rows.length}`)
  return row
}
