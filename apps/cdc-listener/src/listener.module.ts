import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { createPool } from '@freshet/postgres'
import { HealthRegistry, Occurrences, SERVICE_LOG, type Configuration } from '@freshet/service-kit'
import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import type pg from 'pg'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import type { listenerVariables } from './configuration.js'
import { Listener, type ListenerOccurrences } from './listener.js'
import { listenToLog } from './telemetry/log.js'
import { listenToMetrics } from './telemetry/metrics.js'

const CONFIGURATION = Symbol('the configuration of cdc-listener')

/** Starts the listener with the application and closes what it stands on behind it. */
@Module({})
export class ListenerModule implements OnModuleInit, OnApplicationShutdown {
  private readonly occurrences = new Occurrences<ListenerOccurrences>()
  private readonly pool: pg.Pool
  private readonly kafka: KafkaPort
  private listener: Listener | undefined

  static for(configuration: Configuration<typeof listenerVariables>): DynamicModule {
    return { module: ListenerModule, providers: [{ provide: CONFIGURATION, useValue: configuration }] }
  }

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: Configuration<typeof listenerVariables>,
    @Inject(SERVICE_LOG) private readonly log: Logger,
    health: HealthRegistry,
    metrics: Registry,
  ) {
    listenToLog(this.occurrences, log)
    listenToMetrics(this.occurrences, metrics)
    this.pool = createPool({ url: configuration.postgresUrl, applicationName: 'freshet cdc-listener' })
    this.kafka = connectKafka({ brokers: configuration.kafkaBrokers, clientId: 'freshet-cdc-listener' })
    health.register('stream', () =>
      this.listener?.isStreaming
        ? { ready: true }
        : { ready: false, reason: 'the replication stream is not connected' },
    )
  }

  async onModuleInit(): Promise<void> {
    const { postgresUrl, slot, publication, namespace, topicPrefix, partitions, watermarkMs, idleWatermarkMs } =
      this.configuration
    this.listener = await Listener.start({
      postgresUrl,
      pool: this.pool,
      kafka: this.kafka,
      slot,
      publication,
      namespace,
      topicPrefix,
      partitions,
      watermarkMs,
      idleWatermarkMs,
      occurrences: this.occurrences,
    })
    void this.listener.end.then((reason) => {
      if (reason === undefined) return
      this.log.fatal({ reason }, 'the stream cannot go on')
      process.exit(1) // whoever restarts it sees preflight's words
    })
  }

  async onApplicationShutdown(): Promise<void> {
    await this.listener?.close()
    await this.kafka.close()
    await this.pool.end()
  }
}
