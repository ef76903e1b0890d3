import { rejectionOf } from './abort.js'
import { CacheClosedError, LoadTimeoutError } from './errors.js'
import { Flight, type Landing } from './flight.js'
import { LoadLimiter, type LoadLimit, type Place } from './limiter.js'

/** What is to be loaded; flights of one name are one. */
export interface FlightPlan {
  readonly name: string
  readonly template: string
  readonly keyText: string
  readonly work: (flight: Flight) => Promise<Landing>
}

/** The loads of this process: one at a time for a key, so many at a time for the source. */
export class Flights {
  readonly #flying = new Map<string, Flight>()
  readonly #all = new Set<Flight>()
  readonly #limiter: LoadLimiter
  #tickets = 0

  constructor(private readonly limit: LoadLimit & { readonly timeoutMs: number }) {
    this.#limiter = new LoadLimiter(limit)
  }

  /** Numbers reads and departures in the order in which they happen. */
  readonly ticket = (): number => ++this.#tickets

  find(name: string): Flight | undefined {
    return this.#flying.get(name)
  }

  /**
   * Starts a load that others may join. A load inside another's loader goes under that one's place: it would wait for
   * ever if all places were held by loads that wait like it.
   *
   * Throws LoadLimitError.
   */
  launch(plan: FlightPlan, insideLoad: boolean): Flight {
    const place = insideLoad ? undefined : this.#limiter.enter(plan.template)
    const flight = new Flight(plan.template, plan.keyText)
    if (place) flight.expedite = () => place.expedite()
    this.#flying.set(plan.name, flight)
    flight.landing = this.#fly(plan, flight, place).finally(() => {
      if (this.#flying.get(plan.name) === flight) this.#flying.delete(plan.name)
    })
    return flight
  }

  /** Starts a load for one caller, at once: it holds a connection of its own already. */
  launchAlone(plan: Omit<FlightPlan, 'name'>): Flight {
    const flight = new Flight(plan.template, plan.keyText)
    flight.landing = this.#fly(plan, flight, undefined)
    return flight
  }

  /** Aborts what is under way and resolves once all of it has ended. */
  async close(): Promise<void> {
    const all = [...this.#all]
    for (const { abort } of all) abort.abort(new CacheClosedError())
    await Promise.allSettled(all.map(({ landing }) => landing))
  }

  async #fly(plan: Omit<FlightPlan, 'name'>, flight: Flight, place: Place | undefined): Promise<Landing> {
    const { signal } = flight.abort
    const aborted = rejectionOf(signal)
    let timer: NodeJS.Timeout | undefined
    this.#all.add(flight)
    try {
      if (place) await Promise.race([place.ready, aborted])
      const { timeoutMs } = this.limit
      timer = setTimeout(() => flight.abort.abort(new LoadTimeoutError(plan.template, timeoutMs)), timeoutMs)
      return await Promise.race([plan.work(flight), aborted])
    } finally {
      clearTimeout(timer)
      place?.leave()
      this.#all.delete(flight)
    }
  }
}
