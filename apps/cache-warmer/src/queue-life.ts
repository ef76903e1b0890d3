import type { LoaderModule } from '@freshet/cache/loaders'
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { Pool } from 'pg'
import { LOADERS, SQL_POOL } from './connections.module.js'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { everyPool } from './pace/every-pool.js'
import { PoolPace } from './pace/pool-pace.js'
import { StandbyLag } from './pace/standby-lag.js'
import { RefillQueue, type QueuePlace } from './queue/refill-queue.js'
import { RefillWorker } from './queue/refill-worker.js'
import { SETTINGS, type Settings } from './settings.js'
import { Warmer } from './warmer.js'

/** Where the jobs of `owner`'s catalog lie. */
export const queuePlace = ({ queueRedisUrl, redisUrl, namespace }: Settings, owner: string): QueuePlace => ({
  url: queueRedisUrl ?? redisUrl,
  namespace,
  owner,
})

/** Works on the queue from the service's start to its end: first no more jobs are taken, last the queue is left. */
@Injectable()
export class QueueLife implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private worker: RefillWorker | undefined
  private pace: PoolPace | undefined

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOADERS) private readonly loaders: LoaderModule,
    @Inject(OCCURRENCES) private readonly occurrences: WarmerOccurrences,
    private readonly warmer: Warmer,
    private readonly queue: RefillQueue,
    @Inject(Pool) private readonly pool: Pool,
    @Inject(SQL_POOL) private readonly sqlPool: Pool,
  ) {}

  onApplicationBootstrap(): void {
    const { settings, loaders, occurrences, warmer } = this
    const worker = new RefillWorker({
      ...queuePlace(settings, loaders.catalog.owner),
      concurrency: settings.concurrency,
      work: (job) => warmer.refillOne(job),
      holdBackMs: (job, nowMs) => warmer.holdBackMs(job, nowMs),
      onDeadLetter: (letter) => occurrences.emit('job:dead', letter),
      onError: (error) => occurrences.emit('queue:broke', { error }),
    })
    this.worker = worker
    this.pace = new PoolPace({
      pool: everyPool([...new Set([this.pool, this.sqlPool])]),
      max: settings.concurrency,
      isBusy: () => warmer.isBusy,
      ...(settings.mostStandbyLagBytes > 0 && { isStandbyBehind: this.standbyLag() }),
      onPace: (pace) => {
        worker.limitTo(pace.limit)
        occurrences.emit('pace:set', pace)
      },
    })
  }

  private standbyLag(): () => Promise<boolean> {
    const lag = new StandbyLag({
      database: this.pool,
      mostBytes: this.settings.mostStandbyLagBytes,
      onLag: (lagBytes) => this.occurrences.emit('standbys:measured', { lagBytes }),
    })
    return () => lag.isBehind()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.pace?.close()
    await this.worker?.close()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close()
  }
}
