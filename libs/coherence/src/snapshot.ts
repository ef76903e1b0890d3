import { xid, type Xid } from '@freshet/pgoutput'

/** What a statement on the primary could see: `pg_current_snapshot()`. */
export interface Snapshot {
  /** The oldest transaction that was still running; all below it have ended. */
  readonly xmin: Xid
  /** The first id that was not yet assigned; none from here on is visible. */
  readonly xmax: Xid
  /** The running ones between the two, ascending. */
  readonly running: readonly Xid[]
}

/**
 * Reads the text of `pg_current_snapshot()`, `10:20:10,14,15`.
 *
 * Throws RangeError when the text is not of that form.
 */
export function parseSnapshot(text: string): Snapshot {
  const parts = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/.exec(text)
  if (!parts) throw new RangeError(`"${text}" is not a snapshot; Postgres writes them as xmin:xmax:xip,xip`)
  const [, xmin = '', xmax = '', running = ''] = parts
  return {
    xmin: xid(BigInt(xmin)),
    xmax: xid(BigInt(xmax)),
    running: running === '' ? [] : running.split(',').map((id) => xid(BigInt(id))),
  }
}

/** Writes a snapshot as `pg_current_snapshot()` does. */
export const formatSnapshot = (snapshot: Snapshot): string =>
  `${snapshot.xmin}:${snapshot.xmax}:${snapshot.running.join(',')}`

/** Had this transaction committed or aborted, as this snapshot sees it? (R3: `x < xmin or (x < xmax and x not in xip)`.) */
export const isVisible = (id: Xid, snapshot: Snapshot): boolean =>
  id < snapshot.xmin || (id < snapshot.xmax && !snapshot.running.includes(id))
