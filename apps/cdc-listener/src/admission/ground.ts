import { describeTables, type Database } from '@freshet/postgres'
import type { Ground } from './verdict.js'

/** Reads what catalogs are judged by. */
export async function readGround(
  database: Database,
  tables: readonly string[],
  ownPublications: readonly string[],
): Promise<Ground> {
  const slots = await database.query<{ name: string }>(
    `select slot_name::text as name from pg_replication_slots where slot_type = 'logical' and database = current_database()`,
  )
  const facts = await describeTables(database, tables, ownPublications)
  const { rows } = await database.query<{ version: number; role: string }>(
    `select current_setting('server_version_num')::int / 10000 as version, current_user::text as role`,
  )
  const [row] = rows
  return {
    facts: new Map(facts.map((table) => [table.name, table])),
    version: row?.version ?? 0,
    role: row?.role ?? '',
    slots: new Set(slots.rows.map(({ name }) => name)),
  }
}
