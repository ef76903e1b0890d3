import { setTimeout as delay } from 'node:timers/promises'
import { openAudit, type Audit } from '@freshet/auditor'
import type { LoaderModule } from '@freshet/cache/loaders'
import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { catalogOf, LOADERS } from './connections.module.js'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { SETTINGS, type Settings } from './settings.js'

/**
 * Audits beside the refills, through a client of its own: that of the warmer has no memory.
 *
 *   off | waiting for the catalog --in force--> auditing --shutdown--> ended
 */
@Injectable()
export class AuditMode implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('audit')
  private opening: Promise<Audit | undefined> = Promise.resolve(undefined)
  private isOver = false

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOADERS) private readonly loaders: LoaderModule,
    @Inject(OCCURRENCES) private readonly occurrences: WarmerOccurrences,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.auditKeysPerSecond > 0) this.opening = this.open()
  }

  /** What is still being followed is left: another audit will find it again. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isOver = true
    await (await this.opening)?.end({ follow: false })
  }

  private async open(): Promise<Audit | undefined> {
    const { settings, loaders, occurrences } = this
    const { redisUrl: redis, namespace, postgresUrl, topicPrefix, auditKeysPerSecond: keysPerSecond } = settings
    while (!this.isOver) {
      try {
        const audit = await openAudit({
          loaders,
          catalog: catalogOf(settings, loaders),
          redis,
          namespace,
          postgresUrl,
          kafka: { brokers: settings.kafkaBrokers, topicPrefix, clientId: 'freshet-audit' },
          keysPerSecond,
          timeoutMs: 2_000,
          report: (occurrence) => occurrences.emit('audit:occurred', occurrence),
        })
        this.log.log(`auditing ${keysPerSecond} keys a second`)
        return audit
      } catch (error) {
        this.log.debug(`not auditing yet: ${error instanceof Error ? error.message : String(error)}`)
        await delay(1_000)
      }
    }
    return undefined
  }
}
