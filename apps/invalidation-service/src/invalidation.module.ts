import { topicSpecs } from '@freshet/events'
import { takeFloor } from '@freshet/postgres'
import { HealthRegistry, Occurrences, SERVICE_LOG, type Configuration } from '@freshet/service-kit'
import { Module, type DynamicModule } from '@nestjs/common'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import { BatchesController } from './batches.controller.js'
import type { invalidationVariables } from './configuration.js'
import { Connections } from './connections.js'
import { InvalidationEngine } from './engine.js'
import { foreignDatabase } from './foreign/foreign-database.js'
import type { InvalidationOccurrences } from './occurrences.js'
import { listenToLog } from './telemetry/log.js'
import { gaugeHotKeys, listenToMetrics } from './telemetry/metrics.js'

/** Redis would harm what lies in it. */
export class RedisUnfitError extends Error {
  readonly code = 'REDIS_UNFIT'
  constructor(readonly findings: readonly string[]) {
    super(`Redis is not fit for Freshet:\n${findings.join('\n')}`)
    this.name = 'RedisUnfitError'
  }
}

async function startEngine(
  connections: Connections,
  log: Logger,
  health: HealthRegistry,
  metrics: Registry,
): Promise<InvalidationEngine> {
  const { kafka, redis, pool, configuration } = connections
  const { namespace, topicPrefix, partitions, hotKeysAmong, hotKeysMoreThan, hotKeysWindow } = configuration
  const occurrences = new Occurrences<InvalidationOccurrences>()
  listenToLog(occurrences, log)
  listenToMetrics(occurrences, metrics)
  await redis.ready()
  const findings = await redis.preflight()
  for (const { severity, message } of findings) if (severity === 'warning') log.warn({}, message)
  const faults = findings.filter(({ severity }) => severity === 'fault').map(({ message }) => message)
  if (faults.length > 0) throw new RedisUnfitError(faults)
  await kafka.admin.ensureTopics(topicSpecs(topicPrefix, [], { partitions }))
  const engine = await InvalidationEngine.start({
    kafka,
    store: redis.fences,
    takeFloor: () => takeFloor(pool),
    database: foreignDatabase(pool),
    namespace,
    topicPrefix,
    occurrences,
    hotKeys: { among: hotKeysAmong, moreThan: hotKeysMoreThan, windowMs: hotKeysWindow },
  })
  if (engine.hotKeys) gaugeHotKeys(engine.hotKeys, metrics)
  connections.users.push(engine)
  health.register('redis', () => {
    const state = redis.health()
    return state.state === 'connected' ? { ready: true } : { ready: false, reason: state.reason }
  })
  return engine
}

@Module({})
export class InvalidationModule {
  static for(configuration: Configuration<typeof invalidationVariables>): DynamicModule {
    return {
      module: InvalidationModule,
      controllers: [BatchesController],
      providers: [
        { provide: Connections, useFactory: () => new Connections(configuration) },
        {
          provide: InvalidationEngine,
          useFactory: startEngine,
          inject: [Connections, SERVICE_LOG, HealthRegistry, Registry],
        },
      ],
    }
  }
}
