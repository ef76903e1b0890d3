import type { AppliedWatermark, RecentRecord } from '@freshet/coherence'
import type { CatalogInForce, Cursor, HotHour } from '@freshet/redis'

export interface Expiring<T> {
  readonly content: T
  readonly expiresAtMs: number
}

/** What a Redis holds, in memory; time stands where `clock` says (milliseconds since 1970). */
export class FakeRedisState {
  /** By shard, fingerprint and key, and by `shardTagText`. */
  readonly values = new Map<string, Expiring<Buffer>>()
  readonly generations = new Map<string, Expiring<string>>()
  /** Open windows, by shard and entry. */
  readonly windows = new Map<string, Expiring<true>>()
  readonly records = new Map<number, RecentRecord>()
  readonly cursors = new Map<string, Map<number, Cursor>>()
  /** As if these had moved from one master to another. */
  arrivedShards: readonly number[] = []
  /** Another Redis after a failover. */
  redisId = 'redis-1'
  readonly applied = new Map<string, AppliedWatermark | undefined>()
  readonly catalogs = new Map<string, CatalogInForce>()
  readonly hotHours = new Map<number, HotHour>()
  readonly progress = new Map<string, Set<string>>()
  readonly evicted: string[] = []

  constructor(readonly clock: () => number) {}

  /** Loses everything, as a restart without persistence does. */
  flush(): void {
    for (const part of [this.values, this.generations, this.windows, this.records, this.cursors]) part.clear()
    for (const part of [this.applied, this.catalogs, this.progress, this.hotHours]) part.clear()
  }

  alive<T>(store: ReadonlyMap<string, Expiring<T>>, key: string): T | null {
    const found = store.get(key)
    return found && found.expiresAtMs > this.clock() ? found.content : null
  }
}

/** Lets other work run, as the round trip of a command does. */
export const roundTrip = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
