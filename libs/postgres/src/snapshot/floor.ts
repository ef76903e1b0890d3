import type { TakenFloor } from '@freshet/coherence'
import { parseLsn, xid } from '@freshet/pgoutput'
import { onlyRow } from './identity.js'
import type { Database } from './pool.js'
import { StandbyRefusedError } from './standby-refused.js'

/**
 * Takes a fresh floor: the id of a short transaction of its own, begun for it, and the insert position behind it (R6).
 * Must not be called inside a transaction that is already open, whose id could be older than what it shall be above.
 *
 * Throws StandbyRefusedError on a server in recovery, which assigns no ids.
 */
export async function takeFloor(database: Database): Promise<TakenFloor> {
  const { rows } = await database.query<{ floor: string | null; pruned: string | null }>(`
    select case when not pg_is_in_recovery() then pg_current_xact_id() end::text as floor,
           case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end::text as pruned`)
  const { floor, pruned } = onlyRow(rows)
  if (floor === null || pruned === null) throw new StandbyRefusedError('a floor')
  return { floor: xid(BigInt(floor)), pruned: parseLsn(pruned) }
}
