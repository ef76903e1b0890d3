import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { withConnection } from '../snapshot/lent-connection.js'
import type { Database } from '../snapshot/pool.js'
import type { PublicationState, PublishedTable } from './publication-plan.js'

interface PublicationRow extends Omit<PublicationState, 'comment' | 'generated' | 'tables'> {
  readonly comment: string | null
  readonly generated: string | null
  readonly tables: readonly PublishedTable[]
}

/** pubgencols came with 18; taken out of the row as JSON, an older server answers null. */
const publications = `
  select pubname as name, obj_description(p.oid, 'pg_publication') as comment,
         pg_get_userbyid(pubowner)::text as owner, pg_has_role(pubowner, 'USAGE') as owned, puballtables as "allTables",
         exists (select from pg_publication_namespace where pnpubid = p.oid) as schemas,
         concat_ws(', ', case when pubinsert then 'insert' end, case when pubupdate then 'update' end,
                   case when pubdelete then 'delete' end, case when pubtruncate then 'truncate' end) as actions,
         pubviaroot as "viaRoot", to_jsonb(p) ->> 'pubgencols' as generated,
         (select coalesce(json_agg(json_build_object('name', nspname || '.' || relname,
                   'restricted', prattrs is not null or prqual is not null) order by nspname, relname), '[]')
            from pg_publication_rel join pg_class on pg_class.oid = prrelid join pg_namespace on pg_namespace.oid = relnamespace
           where prpubid = p.oid) as tables
    from pg_publication as p where pubname = any ($1::text[])`

/** Reads publications by name; one that does not exist is not in the answer. */
export async function readPublications(database: Database, names: readonly string[]): Promise<PublicationState[]> {
  const { rows } = await database.query<PublicationRow>(publications, [names])
  return rows.map((row) => ({
    ...row,
    comment: row.comment ?? undefined,
    generated: row.generated === null ? undefined : row.generated === 's' ? 'stored' : 'none',
  }))
}

/** A change of publications did not get its locks: some other DDL or a VACUUM of the tables went on all the time. */
export class PublicationLockedError extends Error {
  readonly code = 'PUBLICATION_LOCKED'

  constructor(
    readonly attempts: number,
    readonly lockTimeoutMs: number,
    options: ErrorOptions,
  ) {
    super(
      `the publication could not be altered within ${attempts} attempts of ${lockTimeoutMs} ms each; ` +
        'see pg_stat_activity for the DDL or VACUUM that holds its tables',
      options,
    )
    this.name = 'PublicationLockedError'
  }
}

export interface AlterOptions {
  /**
   * Called inside the transaction, after the statements: from then on their locks keep all DDL away from the added
   * tables. False takes everything back, since the tables are no longer as they were when the statements were planned.
   */
  readonly stillHolds: (connection: Database) => Promise<boolean>
  /** For each attempt; 500 by default. Whoever queues behind a waiting ALTER waits as long. */
  readonly lockTimeoutMs?: number
  /** 20 by default, with a growing, jittered pause between them. */
  readonly attempts?: number
  readonly signal?: AbortSignal
}

/**
 * Alters publications in one transaction. Returns whether it was committed (`stillHolds`). It waits neither for readers
 * nor for writers of the tables, and they never wait for it.
 *
 * Throws PublicationLockedError when every attempt ran into its lock timeout; other errors of Postgres as they are.
 */
export async function alterPublications(
  pool: pg.Pool,
  statements: readonly string[],
  options: AlterOptions,
): Promise<boolean> {
  const { attempts = 20, lockTimeoutMs = 500, signal } = options
  for (let attempt = 1; ; attempt++) {
    try {
      return await alterOnce(pool, statements, lockTimeoutMs, options.stillHolds)
    } catch (error) {
      if (!isContention(error)) throw error
      if (attempt >= attempts) throw new PublicationLockedError(attempts, lockTimeoutMs, { cause: error })
      await delay(Math.min(50 * attempt, 1_000) * (0.5 + Math.random()), undefined, { signal })
    }
  }
}

async function alterOnce(
  pool: pg.Pool,
  statements: readonly string[],
  lockTimeoutMs: number,
  stillHolds: AlterOptions['stillHolds'],
): Promise<boolean> {
  let committed = false
  return withConnection(
    pool,
    async (connection) => {
      await connection.query(`begin; set local lock_timeout = ${lockTimeoutMs}`)
      for (const statement of statements) await connection.query(statement)
      const holds = await stillHolds(connection)
      if (!holds) return false
      await connection.query('commit')
      return (committed = true)
    },
    async (connection) => committed || connection.query('rollback'),
  )
}

const contention = new Set([
  '55P03', // lock_not_available
  '40P01', // deadlock_detected
])
const isContention = (error: unknown): boolean => error instanceof pg.DatabaseError && contention.has(error.code ?? '')
