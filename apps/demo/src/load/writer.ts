import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { seededRandom } from './random.js'
import { writes, type Written, type WriteWorld } from './writes.js'

export interface WriteLoad {
  readonly postgresUrl: string
  readonly world: WriteWorld
  readonly perSecond: number
  readonly durationMs: number
  readonly seed: number
  readonly connections?: number
}

export interface WriteOutcome {
  readonly commits: number
  readonly changes: number
  readonly rollbacks: number
  /** Writes that Postgres itself refused, by SQLSTATE: deadlocks and the like, of which nothing remains. */
  readonly refused: Readonly<Record<string, number>>
}

/** Writes at a steady pace over a few connections; a connection that falls behind catches up at once. */
export async function writeSteadily(load: WriteLoad): Promise<WriteOutcome> {
  const { connections = 4 } = load
  const totals = { commits: 0, changes: 0, rollbacks: 0, refused: {} as Record<string, number> }
  const count = ({ changes, committed }: Written): void => {
    totals.changes += changes
    if (!committed) totals.rollbacks += 1
    else if (changes > 0) totals.commits += 1
  }
  await Promise.all(
    Array.from({ length: connections }, (_, worker) => writeOn(load, worker, connections, count, totals.refused)),
  )
  return totals
}

async function writeOn(
  load: WriteLoad,
  worker: number,
  workers: number,
  count: (written: Written) => void,
  refused: Record<string, number>,
): Promise<void> {
  const random = seededRandom(load.seed * 1_000 + worker)
  const sql = new pg.Client(load.postgresUrl)
  sql.on('error', () => undefined) // the next query tells of a lost connection
  await sql.connect()
  try {
    const everyMs = (1_000 * workers) / load.perSecond
    const startedAt = performance.now() + (worker * everyMs) / workers
    for (let turn = 0; turn * everyMs < load.durationMs; turn++) {
      const aheadMs = startedAt + turn * everyMs - performance.now()
      if (aheadMs > 0) await delay(aheadMs)
      const write = random.weighted(writes.map(([weight, , choice]) => [weight, choice] as const))
      try {
        count(await write(sql, random, load.world))
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error
        const code = error.code ?? 'unknown'
        refused[code] = (refused[code] ?? 0) + 1
      }
    }
  } finally {
    await sql.end()
  }
}
