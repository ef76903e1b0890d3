import { Global, Module, type DynamicModule } from '@nestjs/common'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { HealthController } from '../health/health.controller.js'
import { HealthRegistry } from '../health/health-registry.js'

/** Injects the service's pino log: `@Inject(SERVICE_LOG) log: Logger`. */
export const SERVICE_LOG = Symbol('the log of the service')

/** Health, metrics and the log, for every module of a service: inject HealthRegistry, prom-client's Registry, SERVICE_LOG. */
@Global()
@Module({})
export class ServiceKitModule {
  static for(name: string, log: Logger, health: HealthRegistry): DynamicModule {
    const metrics = new Registry()
    metrics.setDefaultLabels({ service: name })
    collectDefaultMetrics({ register: metrics })
    return {
      module: ServiceKitModule,
      controllers: [HealthController],
      providers: [
        { provide: HealthRegistry, useValue: health },
        { provide: Registry, useValue: metrics },
        { provide: SERVICE_LOG, useValue: log },
      ],
      exports: [HealthRegistry, Registry, SERVICE_LOG],
    }
  }
}
