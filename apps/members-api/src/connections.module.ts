import { OccurrenceCounter, type CacheOptions } from '@freshet/cache'
import { CacheModule } from '@freshet/cache/nest'
import { membersCatalog, membersCatalogWithout, registerLoaders } from '@freshet/members-catalog'
import { createPool, type PoolOptions } from '@freshet/postgres'
import { Global, Injectable, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common'
import { Pool } from 'pg'
import { FenceLatency } from './demo/fence-latency.js'
import type { Settings } from './settings.js'

/** Loads and writes at once, at most; further loads wait in the cache's queue. */
const CONNECTIONS = 20

/** Everything the API talks to: its pool, and the cache with a loader for each template. */
@Global()
@Module({})
export class ConnectionsModule {
  static for(settings: Settings): DynamicModule {
    return {
      module: ConnectionsModule,
      imports: [
        CacheModule.forRootAsync({
          inject: [OccurrenceCounter, FenceLatency, Pool, Replica],
          useFactory: (counter: OccurrenceCounter, latency: FenceLatency, _pool: Pool, _replica: Replica) =>
            cacheOptions(settings, counter, latency),
          loaders: (cache, _counter, _latency, pool, { pool: replica }) => registerLoaders(cache, { pool, replica }),
        }),
      ],
      providers: [
        OccurrenceCounter,
        FenceLatency,
        { provide: Pool, useFactory: () => openPool(settings.postgresUrl, {}) },
        { provide: Replica, useFactory: () => new Replica(settings.postgresStandbyUrl) },
      ],
      exports: [OccurrenceCounter, FenceLatency, Pool, Replica],
    }
  }
}

function cacheOptions(settings: Settings, counter: OccurrenceCounter, latency: FenceLatency): CacheOptions {
  const { withoutRulesOf } = settings
  return {
    catalog: withoutRulesOf === undefined ? membersCatalog : membersCatalogWithout(withoutRulesOf),
    redis: settings.redisUrl,
    namespace: settings.namespace,
    postgres: { url: settings.postgresUrl },
    kafka: { brokers: settings.kafkaBrokers, topicPrefix: settings.topicPrefix },
    l1: { maxBytes: settings.l1MaxBytes },
    loadLimit: { concurrency: CONNECTIONS },
    onOccurrence: (occurrence) => {
      counter.listener(occurrence)
      latency.listener(occurrence)
    },
  }
}

/** The standby that is loaded from, if there is one. */
@Injectable()
class Replica implements OnApplicationShutdown {
  readonly pool: Pool | undefined

  constructor(url: string | undefined) {
    // the primary can be asked instead: nobody waits long for a standby that may be gone
    if (url !== undefined) this.pool = openPool(url, { connectTimeoutMs: 2_000, statementTimeoutMs: 5_000 })
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool?.end()
  }
}

function openPool(url: string, limits: Pick<PoolOptions, 'connectTimeoutMs' | 'statementTimeoutMs'>): Pool {
  const log = new Logger('postgres')
  return createPool({
    ...limits,
    url,
    applicationName: 'members-api',
    max: CONNECTIONS,
    onIdleError: (error) => log.warn(`an idle connection broke: ${error.message}`),
  })
}
