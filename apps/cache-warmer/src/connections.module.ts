import type { CacheOptions } from '@freshet/cache'
import { CacheModule } from '@freshet/cache/nest'
import type { Catalog } from '@freshet/catalog'
import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { createPool } from '@freshet/postgres'
import { Global, Inject, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common'
import { Pool } from 'pg'
import { importLoaderModule, LoaderModuleError, registerSqlLoaders, type LoaderModule } from '@freshet/cache/loaders'
import type { Settings } from './settings.js'

/** Injects what FRESHET_LOADERS names. */
export const LOADERS = Symbol('the loader module')

/** Injects the connection to Kafka. */
export const KAFKA = Symbol('the connection to Kafka')

/** Injects the pool of the loaders that the catalog declares as SQL: the others' own, unless they have a role of their own. */
export const SQL_POOL = Symbol('the pool of SQL loaders')

/** The loader module, the pool that its loaders read through, and a cache without a memory layer: it fills for others. */
@Global()
@Module({})
export class ConnectionsModule implements OnApplicationShutdown {
  constructor(
    @Inject(Pool) private readonly pool: Pool,
    @Inject(SQL_POOL) private readonly sqlPool: Pool,
    @Inject(KAFKA) private readonly kafka: KafkaPort,
  ) {}

  static for(settings: Settings): DynamicModule {
    return {
      module: ConnectionsModule,
      imports: [
        CacheModule.forRootAsync({
          inject: [LOADERS, Pool, SQL_POOL],
          useFactory: (loaders: LoaderModule, _pool: Pool, _sqlPool: Pool) => cacheOptions(settings, loaders),
          loaders: (cache, loaders, pool, sqlPool) => {
            if (settings.sqlLoaders) registerSqlLoaders(cache, loaders.catalog, sqlPool)
            loaders.registerLoaders(cache, { pool }) // what the module loads itself goes before the catalog's SQL
          },
        }),
      ],
      providers: [
        { provide: LOADERS, useFactory: () => loadersOf(settings) },
        { provide: Pool, useFactory: () => openPool(settings, settings.postgresUrl) },
        {
          provide: SQL_POOL,
          inject: [Pool],
          useFactory: (pool: Pool) =>
            settings.sqlLoadersUrl === undefined ? pool : openPool(settings, settings.sqlLoadersUrl),
        },
        {
          provide: KAFKA,
          useFactory: () => connectKafka({ brokers: settings.kafkaBrokers, clientId: 'freshet-cache-warmer' }),
        },
      ],
      exports: [LOADERS, Pool, SQL_POOL, KAFKA],
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...[...new Set([this.pool, this.sqlPool])].map((pool) => pool.end()), this.kafka.close()])
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

/** Throws LoaderModuleError for a catalog that has nothing to load by. */
async function loadersOf({
  loaders: specifier,
  sqlLoaders,
  refreshUrl,
  refreshSecret,
}: Settings): Promise<LoaderModule> {
  const loaders = await importLoaderModule(specifier, process.cwd())
  if ((refreshUrl === undefined) !== (refreshSecret === undefined))
    throw new LoaderModuleError(specifier, 'FRESHET_REFRESH_URL and FRESHET_REFRESH_SECRET go together')
  if (specifier.endsWith('.json') && !sqlLoaders && refreshUrl === undefined)
    throw new LoaderModuleError(
      specifier,
      'a catalog alone loads by its SQL, which FRESHET_SQL_LOADERS=1 allows, or by its service at FRESHET_REFRESH_URL',
    )
  return loaders
}

function openPool({ concurrency }: Settings, url: string): Pool {
  const log = new Logger('postgres')
  return createPool({
    url,
    applicationName: 'cache-warmer',
    max: Math.min(concurrency, 10), // it must not crowd out those who wait for an answer
    onIdleError: (error) => log.warn(`an idle connection broke: ${error.message}`),
  })
}
