import { joinable } from '@freshet/coherence'
import { LoaderCycleError } from './errors.js'
import type { HeldValue } from './held-value.js'
import type { StoreRefusal } from './occurrence.js'

/** How a load ended: `refused` is missing when this very fill was stored, so that the value is vouched for. */
export interface Landing {
  readonly held: HeldValue
  readonly refused?: StoreRefusal
}

/** What a read that joins a flight had seen when it joined. */
export interface Joining {
  /** When the read began. */
  readonly ticket: number
  /** Generations that it has just read of the tags its template requires; undefined where it read none. */
  readonly generations: readonly (string | null)[] | undefined
}

/**
 * One load, shared by all who wait for it.
 *
 *   boarding --capture sent--> departed --landed or failed--> ended
 *
 * Who began to read before the capture was sent may have whatever it brings: it is no older than a load of their own.
 * Who came later may have it only if it is vouched for and what they have just read equals what it had captured (R10).
 */
export class Flight {
  readonly abort = new AbortController()
  /** Flights that this one's loader waits for. */
  readonly waitsFor = new Set<Flight>()
  landing: Promise<Landing>
  /** Lets it go past the limit of loads; set while it waits for a place. */
  expedite: () => void = () => undefined
  #departure = Infinity
  #captured: readonly string[] | undefined
  #partsBegun = 0

  constructor(
    readonly template: string,
    readonly keyText: string,
  ) {
    this.landing = Promise.reject(new Error('the flight was not started'))
    this.landing.catch(() => undefined)
  }

  depart(ticket: number): void {
    this.#departure = ticket
  }

  captured(generations: readonly string[]): void {
    this.#captured = generations
  }

  /**
   * The loader begins to read a cached value, or to capture a tag: to a reader that comes from now on, what that brings
   * may be too old, though the answer is still on its way.
   */
  partBegun(): void {
    this.#partsBegun++
  }

  isBoarding(ticket: number): boolean {
    return ticket < this.#departure
  }

  /** To be called on joining; the answer tells, once it has landed, whether the joiner may have what it brought. */
  join({ ticket, generations }: Joining): (landing: Landing) => boolean {
    if (this.isBoarding(ticket)) return () => true
    const partsBefore = this.#partsBegun
    return (landing) =>
      landing.refused === undefined &&
      partsBefore === 0 &&
      generations !== undefined &&
      this.#captured !== undefined &&
      joinable(this.#captured, generations)
  }

  /**
   * The loader of `this` is about to wait for another flight.
   *
   * Throws LoaderCycleError when that one waits, itself or through others, for this one.
   */
  waitFor(other: Flight): void {
    const path = pathBetween(other, this)
    if (path) throw new LoaderCycleError([this, ...path].map(({ keyText }) => keyText))
    this.waitsFor.add(other)
  }
}

function pathBetween(from: Flight, to: Flight): Flight[] | undefined {
  if (from === to) return [to]
  for (const next of from.waitsFor) {
    const rest = pathBetween(next, to)
    if (rest) return [from, ...rest]
  }
  return undefined
}
