import type { AppliedWatermark, RecentRecord, TagGeneration, ValueHeader, Written } from '../../src/index.js'
import { promiseCount } from './keys.js'

/** A value: the versions of the rows that it was computed from; undefined for the others. */
export type Value = readonly (number | undefined)[]

/** `since`: for the judge, when it was captured. */
export type Captured = TagGeneration & { readonly since: number }

/** One version for each row: how often it has been changed. */
export type Versions = readonly number[]

export interface Stored {
  readonly header: ValueHeader
  /** For the judge of windows, by generation of the header: since when the value, or the part that it came with, has it. */
  readonly since: ReadonlyMap<string, number>
  readonly value: Value
}

/** By partition; undefined where there is none. */
export type Cursors = readonly (number | undefined)[]

/** What one master of a Cluster knows of itself as a whole. */
export interface Home {
  readonly written: Written
  readonly cursors: Cursors
}

/** Applied watermarks by partition, and the home that they are of. */
export interface Marks {
  readonly home: string | undefined
  readonly byPartition: readonly (AppliedWatermark | undefined)[]
}

/** What lies in one hash slot: a shard, or the namespace's own state. */
export interface Place {
  readonly generations: Map<string, string>
  record: RecentRecord | undefined
  /** Of windows: when Redis forgets them. */
  readonly entries: Map<string, number>
  readonly values: Map<string, Stored>
  /** Of the namespace, on a single Redis. */
  cursors: Cursors | undefined
  /** On a Cluster: the home that speaks for this place, and the homes that lie here, by name. */
  spokenFor: string | undefined
  readonly homes: Map<string, Home>
  applied: Marks | undefined
  /** Of the namespace: the catalogs in force, and the partitions that have passed the record of one that comes. */
  readonly inForce: Set<number>
  readonly passed: Map<number, ReadonlySet<number>>
  /** For the judge, by promise: the version whose fence this place holds. Survives a flush, which takes the values along. */
  readonly fenced: number[]
}

export const emptyPlace = (fenced: Versions = new Array<number>(promiseCount).fill(0)): Place => ({
  generations: new Map(),
  record: undefined,
  entries: new Map(),
  values: new Map(),
  cursors: undefined,
  spokenFor: undefined,
  homes: new Map(),
  applied: undefined,
  inForce: new Set(),
  passed: new Map(),
  fenced: [...fenced],
})

export const copyOf = (place: Place): Place => ({
  ...place,
  generations: new Map(place.generations),
  values: new Map(place.values),
  entries: new Map(place.entries),
  homes: new Map(place.homes),
  inForce: new Set(place.inForce),
  passed: new Map(place.passed),
  fenced: [...place.fenced],
})

export const calmRecord = (life: string): RecentRecord => ({
  life,
  transactions: new Map(),
  pruned: undefined,
  floor: undefined,
})
