import { Cache } from '@freshet/cache'
import type { LoaderModule } from '@freshet/cache/loaders'
import { Occurrences } from '@freshet/service-kit'
import { Module, type DynamicModule } from '@nestjs/common'
import { AuditMode } from './audit-mode.js'
import { ConnectionsModule, LOADERS } from './connections.module.js'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { SETTINGS, type Settings } from './settings.js'
import { Breakers } from './pace/breakers.js'
import { QueueLife, queuePlace } from './queue-life.js'
import { RefillQueue } from './queue/refill-queue.js'
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
            new Warmer(
              cache,
              { owner: catalog.owner, windowMsOf: (name) => catalog.templates.get(name)?.staleWhileRevalidateMs ?? 0 },
              new Breakers((template, at) => occurrences.emit('breaker:moved', { template, at })),
              (ended) => occurrences.emit('refill:ended', ended),
            ),
        },
        {
          provide: RefillQueue,
          inject: [LOADERS, OCCURRENCES],
          useFactory: ({ catalog }: LoaderModule, occurrences: WarmerOccurrences) =>
            new RefillQueue({
              ...queuePlace(settings, catalog.owner),
              attempts: settings.attempts,
              onError: (error) => occurrences.emit('queue:broke', { error }),
              onWarning: (message) => occurrences.emit('queue:warned', { message }),
            }),
        },
        QueueLife,
        AuditMode,
        Telemetry,
      ],
    }
  }
}
