import type { FenceSession } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  from,
  interval,
  Subject,
  takeUntil,
  lastValueFrom,
} from 'rxjs'
import type { CatalogsInForce } from '../catalogs/catalogs-in-force.js'
import type { InvalidationOccurrences } from '../occurrences.js'
import type { Partitions } from '../partitions/partitions.js'
import type { RecentRecords } from '../watermarks/recent-records.js'

const everyMs = 1_000

/** What has to happen though no batch asks for it: recent records come back, catalogs stay in force or leave it (each second). */
export class Upkeep {
  private readonly stopped = new Subject<void>()
  private running: Promise<void> = Promise.resolve()

  constructor(
    private readonly partitions: Partitions,
    private readonly records: RecentRecords,
    private readonly catalogs: CatalogsInForce,
    private readonly occurrences: Occurrences<InvalidationOccurrences>,
    /** What else wants to be looked after, by name. */
    private readonly more: Readonly<Record<string, (session: FenceSession) => Promise<void>>> = {},
  ) {}

  start(): void {
    const steps: readonly (readonly [name: string, step: (session: FenceSession) => Promise<void>])[] = [
      ['recent records', (session) => this.records.sweep(session)],
      ['catalogs in force', (session) => this.catalogs.restore(session)],
      ...Object.entries(this.more),
    ]
    const round = (): Promise<void> =>
      lastValueFrom(
        from(steps).pipe(
          concatMap(([step, run]) =>
            defer(() => run(this.partitions.openSession())).pipe(
              catchError((error: unknown) => {
                this.occurrences.emit('upkeep:failed', { step, error })
                return EMPTY // the next round begins on a new session
              }),
            ),
          ),
        ),
        { defaultValue: undefined },
      )
    interval(everyMs)
      .pipe(
        takeUntil(this.stopped),
        exhaustMap(() => (this.running = round())),
      )
      .subscribe()
  }

  /** Resolves once the present round has ended. */
  async stop(): Promise<void> {
    this.stopped.next()
    await this.running
  }
}
