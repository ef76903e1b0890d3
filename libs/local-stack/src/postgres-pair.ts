import { homedir } from 'node:os'
import { database, postgresClient } from './accepts.js'
import { CleanUp } from './clean-up.js'
import { postgresInstallation, startPostgres } from './native/postgres.js'
import { startStandby } from './native/standby.js'
import { prepareStart } from './native/start.js'
import type { Endpoint, Server } from './server.js'
import { stackSettings, type StackOptions } from './settings.js'
import { untilPasses } from './waiting.js'

/** A primary with a streaming standby, and no other server. */
export interface PostgresPair {
  readonly primaryUrl: string
  readonly standbyUrl: string
  readonly primary: Server
  readonly standby: Server
  /** The standby receives, and shows nothing new; resolves once it has stopped replaying. */
  pauseReplay(): Promise<void>
  /** Replays on; resolves once all is replayed that the primary has written so far. */
  resumeReplay(): Promise<void>
  /** Makes the standby a primary, on a timeline of its own; resolves once it takes writes. */
  promote(): Promise<void>
  stop(): Promise<void>
}

export interface PostgresPairOptions extends Pick<StackOptions, 'postgresSettings'> {
  /** The standby replays a commit only so long after it, in milliseconds (`recovery_min_apply_delay`); 0 by default. */
  applyDelayMs?: number
}

const patienceMs = 30_000

/**
 * Starts a primary and a streaming standby natively, on free ports: for tests of loads from standbys and of failovers.
 *
 * Throws StackStartError when one does not come up.
 */
export async function startPostgresPair({
  applyDelayMs = 0,
  ...options
}: PostgresPairOptions = {}): Promise<PostgresPair> {
  const cleanUp = new CleanUp()
  try {
    const settings = stackSettings({ ...options, provider: 'native' }, process.env, homedir())
    const start = await prepareStart(settings, cleanUp, new AbortController().signal)
    const installation = postgresInstallation(start.folder)
    const primary = await startPostgres(start, installation)
    const standby = await startStandby(start, await installation, primary, applyDelayMs)
    return pairOf(primary, standby, async () => cleanUp.run())
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}

function pairOf(primary: Endpoint, standby: Endpoint, stop: () => Promise<void>): PostgresPair {
  const shows = async (condition: string): Promise<void> =>
    untilPasses(
      async () => {
        if ((await answer(standby, condition)) !== 't') throw new Error(`not yet: ${condition}`)
      },
      patienceMs,
      () => undefined,
    )
  return {
    primaryUrl: urlOf(primary),
    standbyUrl: urlOf(standby),
    primary: primary.server,
    standby: standby.server,
    pauseReplay: async () => {
      await answer(standby, 'pg_wal_replay_pause()')
      await shows("(pg_get_wal_replay_pause_state() = 'paused')")
    },
    resumeReplay: async () => {
      // what has waited for so long may be replayed, and cancel this very statement, before it has said so
      await untilPasses(
        async () => void (await answer(standby, 'pg_wal_replay_resume()')),
        patienceMs,
        () => undefined,
      )
      const written = await answer(primary, 'pg_current_wal_flush_lsn()')
      await shows(`(pg_last_wal_replay_lsn() >= '${written}'::pg_lsn)`)
    },
    promote: async () => {
      await answer(standby, `pg_promote(true, ${patienceMs / 1000})`)
      await shows('(not pg_is_in_recovery())')
    },
    stop,
  }
}

/** The text of one expression's value. */
async function answer({ host, port }: Endpoint, expression: string): Promise<string> {
  const client = postgresClient(host, port, database.name, patienceMs)
  await client.connect()
  try {
    const { rows } = await client.query<{ value: unknown }>(`select ${expression} as value`)
    const value = rows[0]?.value
    return typeof value === 'boolean' ? (value ? 't' : 'f') : String(value)
  } finally {
    await client.end()
  }
}

const urlOf = ({ host, port }: Endpoint): string =>
  `postgres://${database.user}:${database.password}@${host}:${port}/${database.name}`
