import 'reflect-metadata'
import { Cache } from '@freshet/cache'
import { CacheModule } from '@freshet/cache/nest'
import { Injectable, Module, type DynamicModule } from '@nestjs/common'
import pg from 'pg'
import { registerLoaders } from './shop-loaders.ts'
import { keys, shopCatalog, type Sale } from './shop.ts'

// #region module
@Injectable()
export class Sales {
  constructor(private readonly cache: Cache) {}

  find(id: bigint): Promise<Sale | null> {
    return this.cache.get(keys.sale.of({ id }))
  }
}

@Module({})
export class ShopModule {
  static connectedTo(postgres: pg.Pool, redis: string): DynamicModule {
    const cache = CacheModule.forRootAsync({
      useFactory: () => ({ catalog: shopCatalog, redis, postgres }), // without Kafka: no L1, registered by the CLI
      loaders: (cache) => registerLoaders(cache, postgres),
    })
    return { module: ShopModule, imports: [cache], providers: [Sales], exports: [Sales] }
  }
}
// #endregion
