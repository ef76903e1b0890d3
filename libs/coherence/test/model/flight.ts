import type { CapturedRecent, LoadView } from '../../src/index.js'
import type { Captured, Value, Versions } from './place.js'
import type { KnownCommit } from './world.js'

/** A value in hand, with all that it was validated or captured under. */
export interface Held {
  readonly value: Value
  readonly vouched: boolean
  readonly tags: readonly Captured[]
  /** Marked: fenced, and within its window. */
  readonly stale?: true
}

export interface Flight {
  departure: number
  captured: readonly string[] | undefined
  partsBegun: number
  landing: Held | undefined
  /** For the judge: what L1 had heard when it answered for a part, and what a failover on the way left of all promises. */
  allowed: Versions | undefined
}

export const newFlight = (departure: number): Flight => ({
  departure,
  captured: undefined,
  partsBegun: 0,
  landing: undefined,
  allowed: undefined,
})

export interface ReadOptions {
  readonly source: 'primary' | 'standby'
  /** What the reader knows of. */
  readonly known?: KnownCommit
  readonly usesMemory: boolean
  /** Nothing within a window, please. */
  readonly fresh?: boolean
}

/** What one load has captured and seen besides its own key. */
export interface Scope {
  readonly judged: { readonly recents: readonly CapturedRecent[]; readonly view: LoadView }[]
  readonly brought: Captured[]
  refused: boolean
  readonly flight: Flight
  /** What the reader knows of, the reads inside its load know of too. */
  readonly known: KnownCommit | undefined
}

/** For the judge: what both allow to ask for. */
export const atMost = (promised: Versions, other: Versions | undefined): Versions =>
  other === undefined ? promised : promised.map((version, row) => Math.min(version, other[row] ?? 0))
