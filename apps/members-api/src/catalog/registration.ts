import { setTimeout as pause } from 'node:timers/promises'
import { Cache } from '@freshet/cache'
import { HealthRegistry } from '@freshet/service-kit'
import {
  Injectable,
  Logger,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common'

/** Between two attempts: the services that answer may be started later, and a refusal's cause be mended in the database. */
const RETRY_MS = 2_000

/**
 * Brings the catalog into force.
 *
 *   registering --accepted--> accepted --in force--> in force, for good
 *        ^  |                     |
 *        |  +-- refused, no answer, no Kafka: says why, and tries again
 *        +------------------------+
 */
@Injectable()
export class CatalogRegistration implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private state: 'registering' | 'accepted' | 'in force' = 'registering'
  private fault: string | undefined
  private readonly stopping = new AbortController()
  private readonly log = new Logger('catalog')

  constructor(
    private readonly cache: Cache,
    health: HealthRegistry,
    @Optional() private readonly retryMs: number = RETRY_MS,
  ) {
    health.register('catalog', () => {
      const reason = this.notReady
      return reason === undefined ? { ready: true } : { ready: false, reason }
    })
  }

  onApplicationBootstrap(): void {
    void this.bringIntoForce(this.stopping.signal)
  }

  beforeApplicationShutdown(): void {
    this.stopping.abort()
  }

  /** Why the API is not ready; undefined once the catalog has come into force. */
  get notReady(): string | undefined {
    if (this.state === 'in force') return undefined
    return (
      this.fault ??
      (this.state === 'accepted' ? 'the catalog is accepted, but not yet in force' : 'the catalog is being registered')
    )
  }

  private async bringIntoForce(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.state !== 'in force') {
      try {
        this.state = 'registering'
        await this.cache.register()
        this.state = 'accepted'
        const { lsn } = await this.cache.inForce()
        this.state = 'in force'
        this.log.log(`the catalog is in force at LSN ${lsn}`)
      } catch (error) {
        if (signal.aborted) return
        this.fault = error instanceof Error ? error.message : String(error)
        this.log.warn(`${this.fault}; trying again`)
        await pause(this.retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
