import { FreshetKafkaStrategy, HealthRegistry, readinessOf, type Service } from '@freshet/service-kit'
import { configureApi } from './api/api.js'
import { invalidationVariables } from './configuration.js'
import { Connections } from './connections.js'
import { InvalidationEngine } from './engine.js'
import { InvalidationModule } from './invalidation.module.js'

/** invalidation-service: turns change records into fences. */
export const invalidationService: Service<typeof invalidationVariables> = {
  name: 'invalidation-service',
  variables: invalidationVariables,
  httpPort: 3002,
  module: (configuration) => InvalidationModule.for(configuration),
  configure: configureApi,
  transports: (app, { topicPrefix }) => {
    const engine = app.get(InvalidationEngine)
    const { kafka } = app.get(Connections)
    const strategy = new FreshetKafkaStrategy({
      kafka,
      groupId: `${topicPrefix}freshet-invalidation`,
      positions: (topic, partitions) => engine.positions(topic, partitions),
      topics: engine.topics,
      onOffsetOutOfRange: (topic, partition, _wanted, first) => engine.offsetOutOfRange(topic, partition, first),
    })
    app
      .get(HealthRegistry)
      .register('changes', () =>
        engine.hasTopics ? readinessOf(strategy.health()) : { ready: true, reason: 'no catalog is registered yet' },
      )
    return [strategy]
  },
}
