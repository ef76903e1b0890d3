import { shownByStandby, type History, type Shown, type Snapshot } from '@freshet/coherence'
import type { Lsn } from '@freshet/pgoutput'
import { takeStandbyView, type Database } from '@freshet/postgres'
import { SharedQuery } from './shared-query.js'

/** What a standby showed at one moment; of a server that is no standby (any more), what a primary's snapshot says. */
export interface StandbyView extends History {
  /** All commits up to here were replayed before the snapshot was taken; undefined where it replays nothing. */
  readonly replayLsn: Lsn | undefined
  readonly snapshot: Snapshot
  readonly insertLsn: Lsn
  readonly inRecovery: boolean
}

/** One standby as a source of loads; `standby(pool)` makes it. */
export class Standby {
  readonly #views: SharedQuery<StandbyView>

  constructor(takeView: () => Promise<StandbyView>) {
    this.#views = new SharedQuery(takeView)
  }

  /** What it shows, asked after this call. Rejects as its driver does. */
  view(): Promise<StandbyView> {
    return this.#views.take()
  }
}

/**
 * A streaming standby as a source of loads: `{ source: standby(pool) }`. The client asks it over this handle how far it has
 * replayed; the loader reads the same server, by any driver, wherever it is told `source: 'standby'`. Not a balanced
 * reader endpoint: the server that answers the client has to be the one that answers the loader.
 *
 * What it has not replayed yet is loaded from the primary (`standby:passed-over` says why).
 *
 * @example
 * const replica = standby(replicaPool)
 * cache.loader(keys.balance, ({ id }, { source }) => balanceOf(source === 'standby' ? replicaPool : pool, id), { source: replica })
 */
export const standby = (database: Database): Standby => new Standby(() => takeStandbyView(database))

/** What of all commits a view shows, for tokens. */
export const shownIn = ({ systemId, timeline, snapshot, insertLsn, ...view }: StandbyView): Shown | undefined => {
  if (!view.inRecovery) return { systemId, timeline, snapshot, lsn: insertLsn }
  return view.replayLsn === undefined ? undefined : shownByStandby({ systemId, timeline }, view.replayLsn, snapshot)
}
