import { type Lsn, lsn } from '@freshet/pgoutput'
import { Standby, type StandbyView } from '../../src/standby.js'
import type { Primary } from './primary.js'

/** A standby in memory: what the primary held when it was last replayed. */
export class Replica {
  rows = new Map<string, unknown>()
  isDown = false
  isSilent = false
  /** Thrown by the next view. */
  failure: Error | undefined
  isPromoted = false
  #view: StandbyView
  readonly source = new Standby(async () => {
    const { failure } = this
    this.failure = undefined
    if (failure) throw failure
    if (this.isDown) throw new Error('the standby is away')
    if (this.isSilent) await new Promise(() => undefined)
    return { ...this.#view, inRecovery: !this.isPromoted }
  })

  constructor(private readonly primary: Primary) {
    this.#view = this.#seen()
    this.replay()
  }

  replay(): void {
    this.rows = new Map(this.primary.rows)
    this.#view = this.#seen()
  }

  /** It says that it has replayed this much. */
  set replayLsn(position: Lsn | undefined) {
    this.#view = { ...this.#view, replayLsn: position }
  }

  set timeline(timeline: number) {
    this.#view = { ...this.#view, timeline }
  }

  row =
    <T>(name: string) =>
    async (): Promise<T> =>
      this.rows.get(name) as T

  #seen(): StandbyView {
    const { lsn: replayLsn, snapshot, systemId, timeline } = this.primary.watermark()
    // it does not list what runs
    return {
      replayLsn,
      snapshot: { ...snapshot, running: [] },
      insertLsn: lsn(0n),
      systemId,
      timeline,
      inRecovery: true,
    }
  }
}
