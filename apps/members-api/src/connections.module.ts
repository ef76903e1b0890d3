import { OccurrenceCounter, type CacheOptions } from '@freshet/cache'
import { CacheModule } from '@freshet/cache/nest'
import { membersCatalog, membersCatalogWithout, registerLoaders } from '@freshet/members-catalog'
import { createPool } from '@freshet/postgres'
import { Global, Logger, Module, type DynamicModule } from '@nestjs/common'
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
          inject: [OccurrenceCounter, FenceLatency, Pool],
          useFactory: (counter: OccurrenceCounter, latency: FenceLatency, _pool: Pool) =>
            cacheOptions(settings, counter, latency),
          loaders: (cache, _counter, _latency, pool) => registerLoaders(cache, { pool }),
        }),
      ],
      providers: [OccurrenceCounter, FenceLatency, { provide: Pool, useFactory: () => openPool(settings) }],
      exports: [OccurrenceCounter, FenceLatency, Pool],
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

function openPool({ postgresUrl }: Settings): Pool {
  const log = new Logger('postgres')
  return createPool({
    url: postgresUrl,
    applicationName: 'members-api',
    max: CONNECTIONS,
    onIdleError: (error) => log.warn(`an idle connection broke: ${error.message}`),
  })
}
