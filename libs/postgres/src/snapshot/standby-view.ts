import type { Snapshot } from '@freshet/coherence'
import { parseLsn, type Lsn } from '@freshet/pgoutput'
import type { QueryResult } from 'pg'
import type { SystemIdentity } from './identity.js'
import { onlyRow } from './identity.js'
import type { Database } from './pool.js'
import { snapshotColumns, snapshotOf, type SnapshotColumns } from './snapshot.js'

/** What a standby showed at one moment; of a server that is no standby (any more) what a primary's snapshot says. */
export interface StandbyView extends SystemIdentity {
  /** All commits up to here were replayed before the snapshot was taken; undefined where it replays nothing. */
  readonly replayLsn: Lsn | undefined
  readonly snapshot: Snapshot
  /** The write position; 0 in recovery. */
  readonly insertLsn: Lsn
}

/**
 * R4: the replay position in an earlier statement than the snapshot. All in one message, so that a pooler cannot send the
 * two to different servers; a default of REPEATABLE READ would take the snapshot first.
 */
const statements = `
  begin isolation level read committed read only;
  select pg_last_wal_replay_lsn()::text as replay_lsn;
  select ${snapshotColumns};
  commit`

/** Asks a standby how far it is, and for a snapshot behind that. */
export async function takeStandbyView(database: Database): Promise<StandbyView> {
  // pg answers several statements with as many results, which its types do not say
  const results = (await database.query(statements)) as unknown as readonly QueryResult[]
  const [, position, view] = results
  const { replay_lsn: replayed } = onlyRow<{ replay_lsn: string | null }>(position?.rows ?? [])
  const { snapshot, insertLsn, systemId, timeline, inRecovery } = snapshotOf(onlyRow<SnapshotColumns>(view?.rows ?? []))
  return {
    replayLsn: replayed === null ? undefined : parseLsn(replayed),
    snapshot,
    insertLsn,
    systemId,
    timeline,
    inRecovery,
  }
}
