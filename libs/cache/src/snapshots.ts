import type { Snapshot } from '@freshet/coherence'

/** What the primary said of itself in one statement. */
export interface TakenSnapshot {
  readonly snapshot: Snapshot
  readonly inRecovery: boolean
  readonly databaseTimeMs: number
}

/** A slower answer says too little of the database's clock. */
const CLOCK_ROUND_TRIP_MS = 500

/** Takes snapshots from the primary that the loaders read. */
export type TakeSnapshot = () => Promise<TakenSnapshot>

/**
 * Shares snapshots between fills: one query is under way at a time, and everyone who asked while it was gets the next
 * one, whose query begins after they asked (R2: capture, THEN snapshot). So a burst of fills costs two round trips, not
 * one connection each.
 */
export class SharedSnapshots {
  #running: Promise<TakenSnapshot> | undefined
  #next: Promise<TakenSnapshot> | undefined

  constructor(
    private readonly query: TakeSnapshot,
    private readonly onClock: (skewMs: number) => void = () => undefined,
  ) {}

  /** A snapshot that was taken after this call. Rejects as the query does. */
  take(): Promise<TakenSnapshot> {
    if (this.#running === undefined) return this.#run()
    this.#next ??= this.#running.then(
      () => this.#run(),
      () => this.#run(),
    )
    return this.#next
  }

  #run(): Promise<TakenSnapshot> {
    this.#next = undefined
    const running = this.#measure().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #measure(): Promise<TakenSnapshot> {
    const beforeMs = Date.now()
    const taken = await this.query()
    const roundTripMs = Date.now() - beforeMs
    if (roundTripMs <= CLOCK_ROUND_TRIP_MS) this.onClock(taken.databaseTimeMs - (beforeMs + roundTripMs / 2))
    return taken
  }
}
