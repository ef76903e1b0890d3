import type { Lsn, Xid } from '@freshet/pgoutput'
import { isVisible, type Snapshot } from './snapshot.js'
import { isSameHistory, type AppliedWatermark, type History } from './watermark.js'

/**
 * A commit that a reader has made or heard of (G3), in the history that it was made in.
 *
 * Taken inside its transaction: `xid` (`pg_current_xact_id()`), and with it `after` (`pg_current_wal_insert_lsn()`), a
 * position before the commit's: a crash gives out again the ids that only its unflushed log knew, and what was shown
 * before the crash would take the new transaction for the old one. Taken after it: `lsn`, an upper bound.
 */
export type CommitToken = History & ({ readonly xid: Xid; readonly after: Lsn } | { readonly lsn: Lsn })

/** What a source shows: all of a snapshot, and on a standby all commits up to what it had replayed before. */
export interface Shown extends History {
  readonly snapshot: Snapshot
  /** Every commit up to here is shown. */
  readonly lsn: Lsn
}

/**
 * Does what was shown contain the token's commit? Asked of the applied watermark before a layer may answer, and of a
 * standby before its load may. A token of another history is in nothing: its xid may have been given out again.
 */
export const contains = (shown: Shown, token: CommitToken): boolean =>
  isSameHistory(shown, token) &&
  ('lsn' in token ? token.lsn <= shown.lsn : token.after <= shown.lsn && isVisible(token.xid, shown.snapshot))

/**
 * May a layer answer a read with this token? Only once every fence of the token's commit is applied: the watermark has to
 * be read before, or together with, the generations that the value is judged by. Unknown watermark: no.
 */
export const isHonoured = (token: CommitToken, applied: AppliedWatermark | undefined): boolean =>
  applied !== undefined && contains(applied, token)

/** What a standby shows: its snapshots do not list running transactions, so that only what is below `xmin` is sure (R4). */
export const shownByStandby = (history: History, replayLsn: Lsn, { xmin }: Snapshot): Shown => ({
  ...history,
  snapshot: { xmin, xmax: xmin, running: [] },
  lsn: replayLsn,
})
