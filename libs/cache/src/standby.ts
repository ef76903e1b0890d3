import { shownByStandby, type History, type Shown, type Snapshot } from '@freshet/coherence'
import type { Lsn } from '@freshet/pgoutput'
import { takeStandbyView, type Database } from '@freshet/postgres'
import { StandbySilentError } from './errors.js'
import { SharedQuery } from './shared-query.js'

/** What a standby showed at one moment; of a server that is no standby (any more), what a primary's snapshot says. */
export interface StandbyView extends History {
  /** All commits up to here were replayed before the snapshot was taken; undefined where it replays nothing. */
  readonly replayLsn: Lsn | undefined
  readonly snapshot: Snapshot
  readonly insertLsn: Lsn
  readonly inRecovery: boolean
}

/** A standby answers this within a millisecond; a connection that has gone silent answers never. */
const patienceMs = 2_000
const askAgainMs = 1_000

/**
 * One standby as a source of loads; `standby(pool)` makes it.
 *
 *   here --an answer fails, or does not come--> away: no load waits for it --it answers again--> here
 */
export class Standby {
  readonly #views: SharedQuery<StandbyView>
  #away: { readonly error: unknown; askedAtMs: number } | undefined

  constructor(takeView: () => Promise<StandbyView>) {
    this.#views = new SharedQuery(() => withinPatience(takeView()))
  }

  /** What it shows, asked after this call. Rejects as its driver does, and at once while it is away. */
  async view(): Promise<StandbyView> {
    if (this.#away) {
      this.#askAgain(this.#away)
      throw this.#away.error
    }
    try {
      return await this.#views.take()
    } catch (error) {
      if (!isCancelled(error)) this.#away = { error, askedAtMs: performance.now() }
      throw error
    }
  }

  /** For nobody's load, and only as long as there are loads. */
  #askAgain(away: { askedAtMs: number }): void {
    if (performance.now() - away.askedAtMs < askAgainMs) return
    away.askedAtMs = performance.now() + patienceMs
    this.#views.take().then(
      () => (this.#away = undefined),
      () => (away.askedAtMs = performance.now()),
    )
  }
}

/** What replay has cancelled, being in its way, says nothing against the standby. */
const isCancelled = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '40001'

async function withinPatience<T>(answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new StandbySilentError(patienceMs)), patienceMs)
  answer.catch(() => undefined) // told to nobody once it is late
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
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
