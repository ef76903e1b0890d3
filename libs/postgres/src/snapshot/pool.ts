import pg from 'pg'

/** What a query can be sent to: a pool, or one of its connections. */
export type Database = Pick<pg.Pool, 'query'> | Pick<pg.ClientBase, 'query'>

export interface PoolOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Connections at most; 4 by default. */
  readonly max?: number
  /** How long to wait for a connection; 5,000 by default. */
  readonly connectTimeoutMs?: number
  /** After which the server ends a statement, and a second later its connection counts as lost; 30,000 by default. */
  readonly statementTimeoutMs?: number
  /** Told of errors of idle connections (the server restarted); the pool replaces such a connection by itself. */
  readonly onIdleError?: (error: Error) => void
}

/**
 * Opens a pool; nothing connects before its first query. The caller ends it.
 *
 * An error of an idle connection never ends the process (pg's own pool would).
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { max = 4, connectTimeoutMs = 5_000, statementTimeoutMs = 30_000 } = options
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 1_000, // a server that is gone ends nothing, and TCP may not notice for hours
    keepAlive: true,
  })
  pool.on('error', (error) => options.onIdleError?.(error))
  return pool
}
