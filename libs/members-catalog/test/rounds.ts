import type { Change, Row } from '@freshet/planner'
import { loaders, membersCatalog } from '../src/index.js'
import type { KnownKey } from '../src/testing.js'
import type { Database } from './database.js'

/** What one statement changed, and which loaded values differ for it. */
export interface Round {
  readonly changes: readonly Change[]
  readonly altered: readonly KnownKey[]
  /** What the keys load to now. */
  readonly after: readonly string[]
}

/** From now on triggers note every row change. */
export async function logChanges(database: Database): Promise<void> {
  await database.exec(`
    create table change_log (n int generated always as identity, change jsonb);
    create function log_change() returns trigger language plpgsql as $$
    begin
      insert into change_log (change) values (jsonb_build_object(
        'table', 'public.' || tg_table_name, 'operation', lower(tg_op), 'old', to_jsonb(old), 'new', to_jsonb(new)));
      return null;
    end $$;
    create trigger log_members after insert or update or delete on members for each row execute function log_change();
    create trigger log_payments after insert or update or delete on payments for each row execute function log_change();`)
}

/** Runs one statement or transaction, and compares the keys' values before and after it. */
export async function roundOf(
  database: Database,
  keys: readonly KnownKey[],
  sql: string,
  loadedBefore?: readonly string[],
): Promise<Round> {
  const before = loadedBefore ?? (await bytesOf(database, keys))
  await database.exec('truncate change_log')
  await database.exec(sql)
  const log = (await database.exec('select change from change_log order by n')) as { change: LoggedChange }[]
  const after = await bytesOf(database, keys)
  return {
    changes: log.map(({ change }) => asPublished(change)),
    altered: keys.filter((_, index) => before[index] !== after[index]),
    after,
  }
}

interface LoggedChange {
  readonly table: string
  readonly operation: 'insert' | 'update' | 'delete'
  readonly old: Record<string, string | number> | null
  readonly new: Record<string, string | number> | null
}

/**
 * Only the columns that the catalog watches, int8 and numeric as text: what the listener publishes. The identity indexes
 * hold all of them, so that it knows which ones an update changed.
 */
function asPublished({ table, operation, old, new: next }: LoggedChange): Change {
  const columns = Object.values(membersCatalog.json.tables[table]?.columns ?? {})
  const cut = (row: Record<string, string | number>): Row =>
    Object.fromEntries(columns.map((column) => [column, String(row[column])]))
  const changed = old && next && columns.filter((column) => old[column] !== next[column])
  return {
    table,
    operation,
    ...(old && { old: cut(old) }),
    ...(next && { new: cut(next) }),
    ...(changed && { changed }),
  }
}

/** What the keys load to. */
export async function bytesOf(database: Database, keys: readonly KnownKey[]): Promise<string[]> {
  const from = loaders(database)
  return Promise.all(keys.map(async (key) => JSON.stringify(await key.load(from))))
}
