import { topics } from '@freshet/events'
import { FreshetKafkaStrategy, HealthRegistry, readinessOf, type Service } from '@freshet/service-kit'
import { KAFKA, LOADERS } from './connections.module.js'
import type { KafkaPort } from '@freshet/kafka'
import type { LoaderModule } from '@freshet/cache/loaders'
import { RefillQueue } from './queue/refill-queue.js'
import { warmerVariables } from './settings.js'
import { WarmerModule } from './warmer.module.js'

/** The service, to be run by `runService` or started inside a test. */
export const cacheWarmer: Service<typeof warmerVariables> = {
  name: 'cache-warmer',
  variables: warmerVariables,
  httpPort: 3003,
  module: (settings) => WarmerModule.for(settings),
  transports: (app, { topicPrefix }) => {
    const { catalog } = app.get<LoaderModule>(LOADERS)
    const strategy = new FreshetKafkaStrategy({
      kafka: app.get<KafkaPort>(KAFKA),
      // a group for each catalog: every warmer sees all requests and takes those of its own
      groupId: `${topicPrefix}freshet-cache-warmer-${catalog.owner}`,
      topics: [topics(topicPrefix).warmRequests],
    })
    const health = app.get(HealthRegistry)
    health.register('warm-requests', () => readinessOf(strategy.health()))
    const queue = app.get(RefillQueue)
    health.register('queue', () =>
      queue.isConnected ? { ready: true } : { ready: false, reason: 'its Redis is not connected' },
    )
    return [strategy]
  },
}
