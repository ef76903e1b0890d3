import type { CommitToken } from '@freshet/coherence'
import { parseLsn, xid } from '@freshet/pgoutput'
import { identityColumns, identityOf, onlyRow, type IdentityColumns } from './identity.js'
import { StandbyRefusedError } from './standby-refused.js'

/** A transaction of the `pg` driver, or anything that takes a statement and gives its rows as it does. */
export interface RowsHandle {
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>
}

interface TokenColumns extends IdentityColumns {
  readonly xid: string | null
  readonly after: string | null
}

/** In recovery neither of the two can be asked for. */
const statement = `
  select case when not pg_is_in_recovery() then pg_current_xact_id() end::text as xid,
         case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end::text as after, ${identityColumns}`

/**
 * Takes the token of the transaction that the handle is in, which gets an id by it if it had none.
 *
 * Throws StandbyRefusedError on a server in recovery.
 */
export async function takeCommitToken(transaction: RowsHandle): Promise<CommitToken> {
  const { rows } = await transaction.query(statement)
  const row = onlyRow(rows as readonly TokenColumns[])
  if (row.xid === null || row.after === null) throw new StandbyRefusedError("a commit's token")
  const { systemId, timeline } = identityOf(row)
  return { systemId, timeline, xid: xid(BigInt(row.xid)), after: parseLsn(row.after) }
}
