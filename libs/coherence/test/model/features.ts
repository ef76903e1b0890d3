import { everyPlace, everySecond, type Second } from './keys.js'
import type { Random } from './random.js'

/** What can happen to a run besides its actors' own steps. */
const mishaps = [
  'eviction',
  'eviction',
  'eviction',
  'failover',
  'failover',
  'failover',
  'a slot moves',
  'a slot moves, and its former master fails over',
  'a slot comes back',
  'a master fails over, and all its slots move',
  'a service is killed',
  'the group is rebalanced',
  'Postgres crashes',
  'flush',
  'Redis restarts empty',
  'all of Redis restarts empty',
] as const

export type Mishap = (typeof mishaps)[number] | 'a slot comes back, and leaves again'

/** What takes part in a run: a few of all that there is, so that each run stays small and dwells on its few. */
export interface Features {
  /** 1: a single Redis. More: a Cluster of so many masters. */
  readonly masters: number
  /** Which master holds each place at first. */
  readonly owners: readonly number[]
  readonly partitions: number
  /** Each partition has one instance of the service; else both read all of them, as one does that was thought dead. */
  readonly isAssigned: boolean
  /** A second catalog, and whether it is in force from the start. */
  readonly second: Second | undefined
  readonly isSecondInForce: boolean
  /** Which key of a catalog is asked for most. */
  readonly favourite: number
  /** One of so many reads knows of a commit. */
  readonly tokenOnceIn: number
  /** Of the keys of each catalog, in turns; 0: strict. */
  readonly windows: readonly number[]
  readonly mishaps: readonly Mishap[]
  readonly mishapOnceIn: number
  /** With so many of them the run ends: what they left is not fenced over. */
  readonly endsAfter: number
  /** How far replicas lag. */
  readonly replicationOnceIn: number
  /** Of so many turns in 32 an instance of the service takes one. */
  readonly serviceShare: number
  /** Of each of two writers; each of four readers reads as often, and once more. */
  readonly transactions: number
}

export function drawFeatures(random: Random, given: Partial<Features> | undefined): Features {
  const fixed = given ?? random.oneOf(occasions)
  const masters = fixed.masters ?? random.oneOf([1, 1, 2, 2, 3])
  const possible = mishaps.filter((mishap) => masters > 1 || !mishap.includes('slot'))
  const drawn: Features = {
    masters,
    owners: everyPlace.map(() => random.below(masters)),
    partitions: random.oneOf([1, 1, 2]),
    isAssigned: random.onceIn(2),
    second: random.onceIn(3) ? random.oneOf(everySecond) : undefined,
    isSecondInForce: random.onceIn(3),
    favourite: random.below(3),
    tokenOnceIn: random.oneOf([2, 4, 8]),
    windows: random.onceIn(3) ? random.oneOf(windows) : [],
    mishaps: Array.from({ length: 1 + random.below(3) }, () => random.oneOf(possible)),
    mishapOnceIn: random.oneOf([40, 120, 240]),
    endsAfter: random.oneOf([3, Infinity, Infinity]),
    replicationOnceIn: random.oneOf([20, 40, 80]),
    serviceShare: random.oneOf([8, 12]),
    transactions: 3,
  }
  return { ...drawn, ...fixed }
}

/** What has to come together to be seen at all. */
export const slotsMove: Partial<Features> = {
  masters: 2,
  owners: [1, 1, 0],
  favourite: 1,
  second: undefined,
  partitions: 1,
  mishaps: ['a slot moves, and its former master fails over', 'a master fails over, and all its slots move'],
  mishapOnceIn: 150,
  replicationOnceIn: 40,
  endsAfter: 1,
}
export const slotsComeBack: Partial<Features> = {
  ...slotsMove,
  owners: [0, 1, 0],
  mishaps: ['a slot moves, and its former master fails over', 'a slot comes back'],
  mishapOnceIn: 100,
  endsAfter: 3,
}
export const slotsComeAndGo: Partial<Features> = {
  ...slotsComeBack,
  mishaps: ['a slot moves, and its former master fails over', 'a slot comes back, and leaves again'],
  mishapOnceIn: 150,
}
export const partsFailOver: Partial<Features> = {
  masters: 2,
  owners: [0, 1, 0],
  second: undefined,
  partitions: 1,
  mishaps: ['failover'],
  mishapOnceIn: 200,
  replicationOnceIn: 40,
  serviceShare: 14,
}
const windows: readonly (readonly number[])[] = [
  [60, 60, 60],
  [120, 0, 120],
  [40, 160, 160],
]

export const windowsAlone: Partial<Features> = { masters: 1, second: undefined, windows: [60, 60, 60] }

export const singleRedis: Partial<Features> = { masters: 1, second: undefined, windows: [] }
export const keysAreEvicted: Partial<Features> = {
  ...singleRedis,
  partitions: 1,
  mishaps: ['eviction'],
  mishapOnceIn: 40,
}

const occasions: readonly Partial<Features>[] = [
  {},
  {},
  {},
  {},
  {},
  keysAreEvicted,
  slotsMove,
  slotsComeBack,
  partsFailOver,
]
