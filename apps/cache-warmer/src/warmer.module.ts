import { Cache } from '@freshet/cache'
import type { LoaderModule } from '@freshet/cache/loaders'
import { Occurrences } from '@freshet/service-kit'
import { Module, type DynamicModule } from '@nestjs/common'
import { AuditMode } from './audit-mode.js'
import { ConnectionsModule, LOADERS } from './connections.module.js'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { SETTINGS, type Settings } from './settings.js'
import { Telemetry } from './telemetry.js'
import { WarmRequestsController } from './warm-requests.controller.js'
import { Warmer } from './warmer.js'

/** The whole service. */
@Module({})
export class WarmerModule {
  static for(settings: Settings): DynamicModule {
    return {
      module: WarmerModule,
      imports: [ConnectionsModule.for(settings)],
      controllers: [WarmRequestsController],
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: OCCURRENCES, useFactory: (): WarmerOccurrences => new Occurrences() },
        {
          provide: Warmer,
          inject: [Cache, LOADERS, OCCURRENCES],
          useFactory: (cache: Cache, { catalog }: LoaderModule, occurrences: WarmerOccurrences) =>
            new Warmer(cache, catalog.owner, settings.concurrency, (ended) => occurrences.emit('refill:ended', ended)),
        },
        AuditMode,
        Telemetry,
      ],
    }
  }
}
