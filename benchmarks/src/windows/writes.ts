import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@freshet/demo'
import pg from 'pg'
import { rowOf } from './pages.js'

const connections = 8

export interface Writing {
  /** Commits so far. */
  readonly commits: number
  stop(): Promise<void>
}

/** So many commits a second, each of one row of the organisation, until it is stopped; `onCommit` is awaited behind each. */
export function writeSteadily(url: string, { organization, perSecond, random, onCommit }: WriteOptions): Writing {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  const startedMs = performance.now()
  let isOver = false
  let begun = 0
  let commits = 0
  const work = async (): Promise<void> => {
    while (!isOver) {
      const dueMs = startedMs + (begun++ / perSecond) * 1_000
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) await delay(waitMs)
      await pool.query('update rows_of_orgs set changes = changes + 1 where id = $1', [
        rowOf(organization, random.below(1 << 20)),
      ])
      commits += 1
      await onCommit?.()
    }
  }
  const working = Promise.all(Array.from({ length: connections }, work))
  return {
    get commits() {
      return commits
    },
    stop: async () => {
      isOver = true
      await working
      await pool.end()
    },
  }
}

export interface WriteOptions {
  readonly organization: number
  readonly perSecond: number
  readonly random: Random
  readonly onCommit?: () => Promise<unknown>
}
