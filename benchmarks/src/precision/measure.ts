import type { Random, System } from '@freshet/demo'
import { membersCatalog } from '@freshet/members-catalog'
import { knownKeys, Precision, someWrite, type KnownKey } from '@freshet/members-catalog/testing'
import type { Lsn } from '@freshet/pgoutput'
import { AppliedWatch, writtenUpTo } from '@freshet/testing/live'
import pg from 'pg'
import { CachedWorld } from './cached-world.js'
import { PublishedChanges } from './published-changes.js'

/** Ids that keys are made for: of the members, some more than there are rows. */
export const world = { members: ['1', '2', '3', '4', '5', '6', '7', '8'], organizations: ['1', '2', '3'] }

export interface MeasureOptions {
  readonly writes: number
  /** After so many writes Redis is asked what it would serve. */
  readonly window: number
  readonly random: Random
  readonly onProgress: (written: number) => void
}

export interface Measured {
  readonly precision: Precision
  /** Where Redis did not say what the plans say, by key and window. */
  readonly disagreements: readonly string[]
  /** Values that Redis would have served after a window, compared with fresh loads. */
  readonly compared: number
}

/** A committed write, before its changes are known. */
interface Committed {
  readonly kind: string
  readonly altered: readonly KnownKey[]
  /** Where the log ended behind it. */
  readonly upTo: Lsn
}

/** Writes at random, one write after the other, with all keys cached at the start of each window. */
export async function measure(system: System, options: MeasureOptions): Promise<Measured> {
  const { writes, window, random, onProgress } = options
  const { stack } = system
  const keys = knownKeys(world)
  const precision = new Precision(membersCatalog, keys)
  const disagreements: string[] = []
  let compared = 0
  const pool = new pg.Pool({ connectionString: stack.postgresUrl, max: 4 })
  const writer = new pg.Client({ connectionString: stack.postgresUrl })
  await writer.connect()
  const cached = await CachedWorld.open(system, pool, keys)
  const watch = new AppliedWatch(pool, stack.redisUrl)
  const published = await PublishedChanges.open(stack.kafkaBrokers)

  const write = async (before: readonly string[]): Promise<{ committed: Committed; after: readonly string[] }> => {
    const { kind, sql } = someWrite((below) => random.below(below), world)
    await writer.query(sql)
    const [upTo, after] = [await writtenUpTo(pool), await cached.freshBytes()]
    return { committed: { kind, upTo, altered: keys.filter((_, at) => before[at] !== after[at]) }, after }
  }

  /** The writes with the changes that the listener published of each; returns all that their plans fence. */
  const plan = async (committed: readonly Committed[]): Promise<ReadonlySet<KnownKey>> => {
    const fenced = new Set<KnownKey>()
    const left = [...(await published.take())]
    for (const { upTo, ...rest } of committed) {
      const changes = left.filter(({ commit }) => commit.lsn <= upTo)
      for (const change of changes) left.splice(left.indexOf(change), 1)
      for (const key of precision.add({ ...rest, changes })) fenced.add(key)
    }
    return fenced
  }

  try {
    for (let written = 0; written < writes;) {
      await cached.fill()
      await watch.applied()
      await published.take() // what came before the window
      let before = await cached.freshBytes()
      const committed: Committed[] = []
      for (; committed.length < window && written < writes; written++) {
        const done = await write(before)
        committed.push(done.committed)
        before = done.after
      }
      await watch.applied()
      const fenced = await plan(committed)
      const { missing, stale } = await cached.look()
      compared += keys.length - missing.length
      for (const key of stale) disagreements.push(`${nameOf(key)} is stale in Redis after ${written} writes`)
      for (const key of keys)
        if (fenced.has(key) !== missing.includes(key))
          disagreements.push(
            `after ${written} writes ${nameOf(key)} is ${fenced.has(key) ? 'fenced by a plan, and served' : 'fenced by no plan, and missing'}`,
          )
      onProgress(written)
    }
    return { precision, disagreements, compared }
  } finally {
    await Promise.all([published.close(), watch.close(), cached.close()])
    await Promise.all([writer.end(), pool.end()])
  }
}

const nameOf = ({ template, parameters }: KnownKey): string => `${template} ${JSON.stringify(parameters)}`
