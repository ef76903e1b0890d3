import {
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { Cache } from './cache.js'
import { createCache, type CacheOptions } from './create-cache.js'

export { RefreshModule, type RefreshModuleOptions } from './refresh-module.js'

/** How the module gets its options. */
export interface CacheModuleOptions<Injected extends unknown[]> extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: FactoryProvider['inject']
  readonly useFactory: (...injected: Injected) => CacheOptions | Promise<CacheOptions>
  /** Registers the loaders, with the same things injected. */
  readonly loaders?: (cache: Cache, ...injected: Injected) => void | Promise<void>
  /** Can every module inject the cache? Yes by default. */
  readonly isGlobal?: boolean
}

/**
 * Makes a `Cache` injectable, and closes it when the application has shut down: after the last request, which may still
 * read through it.
 *
 * @example
 * CacheModule.forRootAsync({
 *   inject: [Settings],
 *   useFactory: (settings: Settings) => ({ catalog: membersCatalog, redis: settings.redisUrl, postgres: settings.postgres }),
 *   loaders: (cache) => cache.loader(keys.balance, ({ id }) => balanceOf(id)),
 * })
 */
@Module({})
export class CacheModule implements OnApplicationShutdown {
  constructor(private readonly cache: Cache) {}

  static forRootAsync<Injected extends unknown[]>(options: CacheModuleOptions<Injected>): DynamicModule {
    const { imports = [], inject = [], useFactory, loaders, isGlobal = true } = options
    const provider: FactoryProvider<Cache> = {
      provide: Cache,
      inject,
      useFactory: async (...injected: Injected) => {
        const cache = await createCache(await useFactory(...injected))
        await loaders?.(cache, ...injected)
        return cache
      },
    }
    return { module: CacheModule, global: isGlobal, imports, providers: [provider], exports: [Cache] }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close()
  }
}
