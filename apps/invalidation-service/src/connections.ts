import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { createPool } from '@freshet/postgres'
import { connectRedis, type RedisPort } from '@freshet/redis'
import type { Configuration } from '@freshet/service-kit'
import type { OnApplicationShutdown } from '@nestjs/common'
import type pg from 'pg'
import type { invalidationVariables } from './configuration.js'

/** What the service stands on: made first, closed last. */
export class Connections implements OnApplicationShutdown {
  readonly kafka: KafkaPort
  readonly redis: RedisPort
  readonly pool: pg.Pool
  /** Closed before the connections, by whoever uses them. */
  readonly users: { close(): Promise<void> }[] = []

  constructor(readonly configuration: Configuration<typeof invalidationVariables>) {
    this.kafka = connectKafka({ brokers: configuration.kafkaBrokers, clientId: 'freshet-invalidation-service' })
    const { redisUrl: url, namespace, redisWaitReplicas: replicas, redisWaitTimeout: timeoutMs } = configuration
    const wait = replicas > 0 ? { wait: { replicas, timeoutMs } } : {}
    this.redis = connectRedis({ url, namespace, role: 'service', ...wait })
    this.pool = createPool({ url: configuration.postgresUrl, applicationName: 'freshet invalidation-service' })
  }

  async onApplicationShutdown(): Promise<void> {
    for (const user of this.users) await user.close()
    await this.kafka.close()
    await this.redis.close()
    await this.pool.end()
  }
}
