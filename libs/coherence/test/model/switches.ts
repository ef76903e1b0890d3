import {
  keysAreEvicted,
  partsFailOver,
  singleRedis,
  slotsComeAndGo,
  slotsComeBack,
  slotsMove,
  windowsAlone,
  type Features,
} from './features.js'

/** Rules of DESIGN 7 that a run can do without, some with what has to come together for that to be seen often enough. */
export const rules = {
  R2: undefined,
  R3: undefined,
  R4: undefined,
  R5: singleRedis,
  R6: keysAreEvicted,
  R7: undefined,
  R8: undefined,
  R9: undefined,
  R10: undefined,
  R11: undefined,
  R12: undefined,
  R13: undefined,
} as const satisfies Record<string, Partial<Features> | undefined>

/** Simpler ways that are wrong, each with what has to come together for it to be seen. */
export const shortcuts = {
  'one cursor for the whole Cluster': partsFailOver,
  'each master speaks for what it holds now': { ...slotsMove, owners: [0, 1, 0], mishapOnceIn: 250 },
  'a cursor that came with a slot is believed': slotsMove,
  'what a slot finds where it comes back is believed': slotsComeBack,
  "a template's generation only ends, on a Cluster too": slotsComeAndGo,
  'one applied watermark for the whole Cluster': partsFailOver,
  "the watermark of the value's master alone": partsFailOver,
  "a token is its transaction's id alone": {
    masters: 1,
    mishaps: ['Postgres crashes'],
    mishapOnceIn: 60,
    tokenOnceIn: 1,
  },
  'memory answers tokens for any Redis': { masters: 1, mishaps: ['failover'], mishapOnceIn: 120, tokenOnceIn: 2 },
  'stored before the catalog is in force': {
    masters: 1,
    second: 'another service, another table',
    isSecondInForce: false,
  },
  'a catalog comes into force without a gap': {
    masters: 1,
    second: 'another service, another table',
    isSecondInForce: false,
  },
  'in force once one partition has come to it': {
    isAssigned: true,
    transactions: 8,
    mishaps: ['eviction'],
    mishapOnceIn: 1_000,
    masters: 1,
    partitions: 2,
    second: 'a new version',
    isSecondInForce: false,
  },
  'a place is taken over with the catalogs that were known': {
    isAssigned: true,
    mishaps: ['the group is rebalanced'],
    mishapOnceIn: 60,
    masters: 1,
    partitions: 2,
    second: 'another service, same table',
    isSecondInForce: false,
  },
  'a window is opened for a generation that was read before': windowsAlone,
  'a window is opened once the generation has ended': windowsAlone,
  'a window is opened by records from before the session': {
    ...windowsAlone,
    mishaps: ['failover'],
    mishapOnceIn: 100,
  },
  'any rotation opens a window': windowsAlone,
  'a window of one tag is enough': windowsAlone,
  'a value within its window is vouched for': windowsAlone,
} as const satisfies Record<string, Partial<Features>>

export type Switch = keyof typeof rules | keyof typeof shortcuts
