import type { Catalog } from '@freshet/catalog'
import { topics } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { createPool, takeSnapshot, type Database } from '@freshet/postgres'
import { connectRedis } from '@freshet/redis'
import { AccessReports } from './access-reports.js'
import { AccessTally } from './access-tally.js'
import { budgetsOf, defaultLagMs, type Budget, type BudgetOptions } from './budget.js'
import { composeCache } from './compose.js'
import type { Cache } from './cache.js'
import { KafkaNotConfiguredError } from './errors.js'
import { InvalidationFeed } from './invalidation-feed.js'
import { invalidateTags } from './invalidate.js'
import type { LoadLimit } from './limiter.js'
import { MemoryLayer } from './memory-layer.js'
import type { OccurrenceListener } from './occurrence.js'
import { registerCatalog } from './register.js'
import { Sight } from './sight.js'

/** L1, in the memory of this process. */
export interface MemoryOptions {
  /** Estimated bytes of all its values together; 64 MiB by default. */
  readonly maxBytes?: number
  /** How far it may be behind the database before it stops answering, in milliseconds; 2,000 by default. */
  readonly maxLagMs?: number
  /** What happens past that: `source` by default. */
  readonly whenBlind?: Budget['whenBlind']
}

/** Which keys this process reads, for the fleet's hot keys. */
export interface AccessStatsOptions {
  /** How often that is published, in milliseconds; 1,000 by default. */
  readonly intervalMs?: number
  /** Keys at most that one interval names, those that are read most; 200 by default. */
  readonly top?: number
}

/** What a client is opened with. */
export interface CacheOptions {
  /** What `catalog(...)` or `catalogFromJson(...)` returned. */
  readonly catalog: Catalog
  /** `redis://host:port`, `rediss://` for TLS, or of a Cluster `redis+cluster://host:port,host:port`. */
  readonly redis: string
  /** The installation's; `default` by default. */
  readonly namespace?: string
  /**
   * The primary whose changes are followed, for snapshots: a URL, for which the client opens a pool of two connections,
   * or a pool of yours, which it leaves open.
   */
  readonly postgres: { readonly url: string } | Database
  /** Needed for L1, for `register` and for `accessStats`. */
  readonly kafka?: {
    readonly brokers: readonly string[]
    /** As the services have it; empty by default. */
    readonly topicPrefix?: string
    readonly clientId?: string
  }
  /** On by default where Kafka is configured. */
  readonly l1?: MemoryOptions | false
  /** Redis: how far it may be behind the database (30,000 ms; 2,000 for templates without a window), and what happens past that. */
  readonly l2?: Partial<Budget>
  /** Budgets of single templates, by name. */
  readonly budgets?: BudgetOptions['templates']
  /** On by default where Kafka is configured. Off for processes whose reads nobody waits for. */
  readonly accessStats?: AccessStatsOptions | false
  /** At most so many loads run (50) and wait (1,000), each for so long (30,000 ms); beyond that reads get LoadLimitError. */
  readonly loadLimit?: Partial<LoadLimit> & { readonly timeoutMs?: number }
  /** How long a read with a token waits for its commit to become visible at the source, in milliseconds; 1,000 by default. */
  readonly tokenWaitMs?: number
  /** Beyond this difference between its clock and the database's no layer answers, in milliseconds; 1,000 by default. */
  readonly maxClockSkewMs?: number
  /** Told of everything that happens; see Occurrence. */
  readonly onOccurrence?: OccurrenceListener
}

/**
 * Opens a client. Nothing is waited for: until Redis answers and the catalog is in force, reads go to the source.
 *
 * Throws KafkaNotConfiguredError when L1 or `accessStats` is asked for without Kafka.
 *
 * @example
 * const cache = await createCache({ catalog: membersCatalog, redis, postgres: { url } })
 * cache.loader(keys.balance, ({ id }) => balanceOf(id))
 * await cache.get(keys.balance.of({ id: 42 }))
 */
export async function createCache(options: CacheOptions): Promise<Cache> {
  const { catalog, namespace = 'default', onOccurrence: report = ignore } = options
  const { l1 = options.kafka ? {} : false, accessStats = options.kafka ? {} : false } = options
  if (l1 && !options.kafka) throw new KafkaNotConfiguredError('L1')
  if (accessStats && !options.kafka) throw new KafkaNotConfiguredError('accessStats')
  const redis = connectRedis({
    url: options.redis,
    namespace,
    role: 'client',
    onError: (error) => report({ type: 'l2:failed', operation: 'connection', error }),
  })
  const pool =
    'url' in options.postgres
      ? createPool({ ...options.postgres, applicationName: 'freshet-cache', max: 2, statementTimeoutMs: 5_000 })
      : undefined
  const database = pool ?? (options.postgres as Database)
  let kafka: Promise<KafkaPort> | undefined
  const kafkaFor = async (wanted: string): Promise<KafkaPort> => {
    if (options.kafka === undefined) throw new KafkaNotConfiguredError(wanted)
    return (kafka ??= openKafka(options.kafka, `freshet-${namespace}-${catalog.owner}`))
  }
  const { maxClockSkewMs = 1_000 } = options
  const budgets = budgetsOf(catalog, {
    l1: budgetIn(l1 || {}),
    l2: options.l2 ?? {},
    ...(options.budgets && { templates: options.budgets }),
  })
  const sightOf = (layer: 'l1' | 'l2', maxLagMs: number = defaultLagMs[layer]): Sight =>
    new Sight({ layer, maxLagMs, maxClockSkewMs, report })
  const sight = sightOf('l1', l1 ? l1.maxLagMs : undefined)
  const l2Sight = sightOf('l2', options.l2?.maxLagMs)
  const memory = l1
    ? new MemoryLayer({ maxBytes: 64 * 2 ** 20, ...l1, sight, redisId: () => redis.redisId(), report })
    : undefined
  const topicPrefix = options.kafka?.topicPrefix ?? ''
  const feed =
    memory &&
    new InvalidationFeed({
      kafka: await kafkaFor('L1'),
      topic: topics(topicPrefix).invalidations,
      memory,
      sight,
      report,
    })
  const source = `freshet/${namespace}/${catalog.owner}`
  const { intervalMs = 1_000, top = 200 } = accessStats || {}
  const accesses = accessStats ? new AccessTally(catalog, top) : undefined
  const accessReports =
    accesses &&
    new AccessReports({
      tally: accesses,
      kafka: () => kafkaFor('accessStats'),
      topic: topics(topicPrefix).accessStats,
      owner: catalog.owner,
      source,
      intervalMs,
      report,
    })
  const cache = composeCache({
    catalog,
    values: redis.values,
    takeSnapshot: () => takeSnapshot(database),
    realm: `${options.redis} ${namespace}`,
    l1: memory && { memory, sight },
    l2Sight,
    budgets,
    tokenWaitMs: options.tokenWaitMs ?? 1_000,
    loadLimit: { concurrency: 50, queue: 1_000, timeoutMs: 30_000, ...options.loadLimit },
    report,
    accesses,
    invalidate: async (tags, rotate) =>
      invalidateTags(tags, {
        rotate,
        kafka: await kafkaFor('invalidate'),
        topicPrefix,
        source,
      }),
    register: async (wanted, signal) =>
      registerCatalog(await kafkaFor('register'), catalog, topicPrefix, wanted, signal),
    close: async () => {
      await Promise.all([feed?.close(), accessReports?.close()])
      await Promise.all([redis.close(), pool?.end(), kafka?.then((port) => port.close())])
    },
  })
  feed?.start()
  accessReports?.start()
  return cache
}

const budgetIn = ({ maxLagMs, whenBlind }: MemoryOptions): Partial<Budget> => ({
  ...(maxLagMs !== undefined && { maxLagMs }),
  ...(whenBlind && { whenBlind }),
})

const ignore: OccurrenceListener = () => undefined

/** Kafka is loaded only where it is used: a service without L1 needs none. */
async function openKafka(kafka: NonNullable<CacheOptions['kafka']>, clientId: string): Promise<KafkaPort> {
  const { connectKafka } = await import('@freshet/kafka')
  return connectKafka({ brokers: kafka.brokers, clientId: kafka.clientId ?? clientId })
}
