import type { Database } from '../snapshot/pool.js'

/** Prefix of messages that mean nothing: whoever reads a stream steps over them. */
const prefix = 'freshet-flush'

/**
 * Makes the server write out its log up to now.
 *
 * The log of transactions that are still open, or that commit asynchronously, may stay in memory while nobody else
 * commits, and a replication stream ends where the log on disk does. The commit of a transaction that wrote something
 * takes all before it along; the smallest such something is a message.
 */
export async function flushLog(database: Database): Promise<void> {
  await database.query(
    `select set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, '${prefix}', '')`,
  )
}
