import { RefreshModule } from '@freshet/cache/nest'
import { Module, type DynamicModule } from '@nestjs/common'
import { ApiModule } from './api.module.js'
import { CatalogRegistration } from './catalog/registration.js'
import { ConnectionsModule } from './connections.module.js'
import { DemoController } from './demo/demo.controller.js'
import { CacheMetrics } from './metrics/cache-metrics.js'
import type { Settings } from './settings.js'

/** The whole service. */
@Module({})
export class AppModule {
  static for(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [ConnectionsModule.for(settings), ApiModule, ...refreshes(settings)],
      controllers: settings.demo ? [DemoController] : [],
      providers: [CatalogRegistration, CacheMetrics],
    }
  }
}

const refreshes = ({ refreshSecret: secret }: Settings): DynamicModule[] =>
  secret === undefined ? [] : [RefreshModule.forRootAsync({ useFactory: () => ({ secret }) })]
