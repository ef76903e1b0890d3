import { createCache, type Cache, type CacheOptions } from '@freshet/cache'
import type { LoaderModule } from '@freshet/cache/loaders'
import { createPool } from '@freshet/postgres'
import { memoryOf, redisOf, type AuditedLayer } from './audited-layer.js'
import type { AuditTable } from './audit-table.js'
import { Auditor, type AuditorOptions } from './auditor.js'
import { SnapshotPool } from './snapshot-pool.js'
import { truthOf } from './truth.js'

/** What an audit stands on: the loaders of one service, and where it reads. */
export interface AuditOptions extends Pick<
  AuditorOptions,
  'keysPerSecond' | 'recheckAfterMs' | 'concurrency' | 'report'
> {
  readonly loaders: LoaderModule
  readonly redis: string
  readonly namespace?: string
  /** The primary. */
  readonly postgresUrl: string
  readonly kafka: NonNullable<CacheOptions['kafka']>
  /** How long the catalog may take to come into force, in milliseconds; 30,000 by default. */
  readonly timeoutMs?: number
  /** The loaders' own by default. */
  readonly catalog?: CacheOptions['catalog']
  readonly budgets?: Pick<CacheOptions, 'l2' | 'budgets'>
  /** Layers beside this process's memory and Redis. */
  readonly others?: (cache: Cache) => readonly AuditedLayer[]
}

/** An audit under way, with a client of its own. */
export interface Audit {
  readonly auditor: Auditor
  /** Takes no more samples, follows what is open to its end unless told not to, and closes every connection. */
  end(options?: { readonly follow?: boolean }): Promise<AuditTable>
}

/**
 * Opens a client with a memory of its own, and begins to compare that memory and Redis with the database.
 *
 * Throws CatalogNotInForceError when the loaders' catalog is not in force, and what `createCache` throws.
 *
 * @example
 * const audit = await openAudit({ loaders, redis, postgresUrl, kafka: { brokers } })
 * const table = await audit.end()
 */
export async function openAudit(options: AuditOptions): Promise<Audit> {
  const { loaders, concurrency = 4, timeoutMs = 30_000 } = options
  const pool = createPool({ url: options.postgresUrl, applicationName: 'freshet-audit', max: concurrency + 2 })
  const snapshots = new SnapshotPool(pool)
  const cache = await createCache({
    catalog: options.catalog ?? loaders.catalog,
    redis: options.redis,
    ...(options.namespace !== undefined && { namespace: options.namespace }),
    postgres: pool,
    kafka: options.kafka,
    accessStats: false,
    ...options.budgets,
  })
  const close = async (): Promise<void> => {
    await cache.close()
    await pool.end()
  }
  try {
    loaders.registerLoaders(cache, { pool: snapshots.pool })
    await cache.inForce({ timeoutMs })
  } catch (error) {
    await close()
    throw error
  }
  const layers = [memoryOf(cache), redisOf(cache, { remembers: true }), ...(options.others?.(cache) ?? [])]
  const auditor = new Auditor({ ...options, concurrency, layers, truth: (key) => truthOf(cache, snapshots, key) })
  return {
    auditor,
    end: async (ending) => {
      await auditor.stop(ending)
      await close()
      return auditor.table
    },
  }
}
