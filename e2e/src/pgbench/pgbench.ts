import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { createTables, writeTransactions } from './writer.js'

const run = promisify(execFile)

export interface Load {
  readonly clients: number
  readonly seconds: number
  /** Aborted: it ends before its time; what was not committed is rolled back. */
  readonly signal?: AbortSignal
}

/** pgbench, or who stands in for it. */
export interface Pgbench {
  /** `pgbench (PostgreSQL) 18.4`, or that a stand-in writes. */
  readonly name: string
  /** Creates and fills its four tables, scale 1. */
  initialise(postgresUrl: string): Promise<void>
  /** Its built-in transaction, without vacuum; resolves once every client has ended. */
  write(postgresUrl: string, load: Load): Promise<void>
}

/** The program where it is installed (Postgres as an npm package comes without), else the same statements from here. */
export async function findPgbench(): Promise<Pgbench> {
  const version = await run('pgbench', ['--version']).catch(() => undefined)
  if (!version) return { name: 'the script of pgbench, run by pg', initialise: createTables, write: writeTransactions }
  return {
    name: version.stdout.trim(),
    initialise: async (postgresUrl) => void (await run('pgbench', ['-i', '--quiet', postgresUrl])),
    write: async (postgresUrl, { clients, seconds, signal }) => {
      const child = run('pgbench', ['-n', '-c', String(clients), '-T', String(seconds), postgresUrl], { signal })
      await child.catch((error: unknown) => {
        if (!signal?.aborted) throw error
      })
    },
  }
}

/** Each transaction leaves one row there. */
export async function rowsOfHistory(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from pgbench_history')
  return rows[0]?.count ?? 0
}
