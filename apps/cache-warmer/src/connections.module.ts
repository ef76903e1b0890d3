import type { CacheOptions } from '@freshet/cache'
import { CacheModule } from '@freshet/cache/nest'
import type { Catalog } from '@freshet/catalog'
import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { createPool } from '@freshet/postgres'
import { Global, Inject, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common'
import { Pool } from 'pg'
import { importLoaderModule, LoaderModuleError, type LoaderModule } from '@freshet/cache/loaders'
import type { Settings } from './settings.js'

/** Injects what FRESHET_LOADERS names. */
export const LOADERS = Symbol('the loader module')

/** Injects the connection to Kafka. */
export const KAFKA = Symbol('the connection to Kafka')

/** The loader module, the pool that its loaders read through, and a cache without a memory layer: it fills for others. */
@Global()
@Module({})
export class ConnectionsModule implements OnApplicationShutdown {
  constructor(
    @Inject(Pool) private readonly pool: Pool,
    @Inject(KAFKA) private readonly kafka: KafkaPort,
  ) {}

  static for(settings: Settings): DynamicModule {
    return {
      module: ConnectionsModule,
      imports: [
        CacheModule.forRootAsync({
          inject: [LOADERS, Pool],
          useFactory: (loaders: LoaderModule, _pool: Pool) => cacheOptions(settings, loaders),
          loaders: (cache, loaders, pool) => loaders.registerLoaders(cache, { pool }),
        }),
      ],
      providers: [
        { provide: LOADERS, useFactory: () => importLoaderModule(settings.loaders, process.cwd()) },
        { provide: Pool, useFactory: () => openPool(settings) },
        {
          provide: KAFKA,
          useFactory: () => connectKafka({ brokers: settings.kafkaBrokers, clientId: 'freshet-cache-warmer' }),
        },
      ],
      exports: [LOADERS, Pool, KAFKA],
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.pool.end(), this.kafka.close()])
  }
}

function cacheOptions(settings: Settings, loaders: LoaderModule): CacheOptions {
  return {
    catalog: catalogOf(settings, loaders),
    redis: settings.redisUrl,
    namespace: settings.namespace,
    postgres: { url: settings.postgresUrl },
    l1: false,
    accessStats: false,
    loadLimit: { concurrency: settings.concurrency },
  }
}

/** The loaders' catalog, or in the demo's `--break-rule` what is left of it. */
export function catalogOf({ withoutRulesOf, loaders: specifier }: Settings, loaders: LoaderModule): Catalog {
  if (withoutRulesOf === undefined) return loaders.catalog
  if (loaders.catalogWithout) return loaders.catalogWithout(withoutRulesOf)
  throw new LoaderModuleError(specifier, 'FRESHET_DEMO_BREAK_RULE is set, and it has no catalogWithout')
}

function openPool({ postgresUrl, concurrency }: Settings): Pool {
  const log = new Logger('postgres')
  return createPool({
    url: postgresUrl,
    applicationName: 'cache-warmer',
    max: Math.min(concurrency, 10), // it must not crowd out those who wait for an answer
    onIdleError: (error) => log.warn(`an idle connection broke: ${error.message}`),
  })
}
