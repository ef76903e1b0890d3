import type { Tag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'
import type { ValueStore } from '@freshet/redis'
import type { AccessTally } from './access-tally.js'
import { Cache, type CacheParts } from './cache.js'
import { pollApplied } from './applied-poll.js'
import type { LayerBudgets } from './budget.js'
import { watchClock } from './clock-watch.js'
import { Filler } from './filler.js'
import { Flights } from './flights.js'
import { CatalogWatch } from './in-force.js'
import { pollInForce } from './in-force-poll.js'
import type { LoadLimit } from './limiter.js'
import type { MemoryLayer } from './memory-layer.js'
import { formatToken, type CommitToken } from '@freshet/coherence'
import { StandbyRefusedError, takeCommitToken } from '@freshet/postgres'
import type { OccurrenceListener } from './occurrence.js'
import { Reader } from './reader.js'
import { SharedLayer } from './shared-layer.js'
import type { Sight } from './sight.js'
import { SharedQuery } from './shared-query.js'
import { measuringClock, type TakenSnapshot, type TakeSnapshot } from './snapshots.js'

/** The ports that a client works through. */
export interface Composition extends Pick<CacheParts, 'register' | 'close'> {
  /** Calls `rotate`, THEN tells every memory of the tags. */
  readonly invalidate: (tags: readonly Tag[], rotate: () => Promise<void>) => Promise<void>
  readonly catalog: Catalog
  readonly values: ValueStore
  readonly takeSnapshot: TakeSnapshot
  /** Names the Redis and namespace that generations are from. */
  readonly realm: string
  readonly l1: { readonly memory: MemoryLayer; readonly sight: Sight } | undefined
  readonly l2Sight: Sight
  readonly budgets: ReadonlyMap<string, LayerBudgets>
  readonly loadLimit: LoadLimit & { readonly timeoutMs: number }
  readonly tokenWaitMs: number
  readonly report: OccurrenceListener
  readonly accesses?: AccessTally | undefined
}

/** Puts a client together; opens nothing. */
export function composeCache(composition: Composition): Cache {
  const { catalog, values, realm, l1, l2Sight, budgets, report } = composition
  const shared = new SharedLayer(values)
  const watch = new CatalogWatch(catalog, values)
  const flights = new Flights(composition.loadLimit)
  const measured = (skewMs: number): void => {
    l1?.sight.measured(skewMs)
    l2Sight.measured(skewMs)
  }
  const snapshots = new SharedQuery(measuringClock(composition.takeSnapshot, measured))
  const closing = new AbortController()
  void watchClock(snapshots, report, closing.signal)
  void pollApplied(values, l2Sight, closing.signal)
  void pollInForce(watch, closing.signal)
  const filler = new Filler({
    catalog,
    values,
    shared,
    snapshots,
    applied: new SharedQuery(() => values.applied()),
    watch,
    report,
    realm,
    generationTtlMs: longestLifeMs(catalog),
    tokenWaitMs: composition.tokenWaitMs,
    ticket: flights.ticket,
  })
  const reader = new Reader({ memory: l1?.memory, shared, sharedSight: l2Sight, flights, filler, report, realm })
  return new Cache({
    catalog,
    reader,
    values,
    flights,
    accesses: composition.accesses,
    watch,
    l1State: () => l1?.sight.state ?? 'off',
    l2State: () => l2Sight.state,
    budgets,
    register: composition.register,
    invalidate: async (tags) =>
      composition.invalidate(tags, async () => {
        await values.rotate(tags)
        l1?.memory.fence(tags.map(({ text }) => text))
      }),
    token: async (transaction) =>
      formatToken(transaction ? await takeCommitToken(transaction) : after(await snapshots.take())),
    close: async () => {
      closing.abort()
      await composition.close()
    },
  })
}

/** All that the snapshot shows, and no more than was committed by then. */
const after = ({ systemId, timeline, insertLsn, inRecovery }: TakenSnapshot): CommitToken => {
  if (inRecovery) throw new StandbyRefusedError("a commit's token")
  return { systemId, timeline, lsn: insertLsn }
}

/**
 * Generations outlive every value that they govern, or its readers would miss for no reason. One tag governs several
 * templates, so that the longest of the catalog counts; another catalog's fills prolong it for theirs.
 */
function longestLifeMs(catalog: Catalog): number {
  const lives = [...catalog.templates.values()].map(
    ({ ttlMs, staleWhileRevalidateMs, staleIfErrorMs }) => ttlMs + staleWhileRevalidateMs + staleIfErrorMs,
  )
  return Math.max(60_000, ...lives) + 60_000
}
