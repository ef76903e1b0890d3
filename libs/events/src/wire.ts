import { parseSnapshot } from '@freshet/coherence'
import { lsn, xid } from '@freshet/pgoutput'
import { z } from 'zod'

/** The records' JSON as schemas. Unknown members are let through: additions to a published payload are optional. */

const decimal = z.string().regex(/^(?:0|[1-9]\d{0,19})$/, 'expected a decimal string')
const wireLsn = decimal.transform((text) => lsn(BigInt(text)))
const offset = decimal.transform(BigInt)
const wireXid = decimal.transform((text) => xid(BigInt(text)))
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const count = z.int().nonnegative()
const name = z.string().min(1)
const snapshot = z
  .string()
  .regex(/^\d+:\d+:(?:\d+(?:,\d+)*)?$/, 'expected xmin:xmax:xip,xip')
  .transform(parseSnapshot)

const columnValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
const row = z.record(z.string(), columnValue)
const commit = z.object({ lsn: wireLsn, xid: wireXid, at: instant })
const commitPlace = commit.extend({ index: count })

/** Loose: extension attributes stay. */
export const envelope = z.looseObject({
  specversion: z.literal('1.0'),
  id: name,
  source: name,
  type: name,
  data: z.unknown().optional(),
  data_base64: z.base64().optional(),
})
export type Envelope = z.output<typeof envelope>

export const changeData = z.object({
  table: name,
  key: row.nullable(),
  old: row.nullable(),
  new: row.nullable(),
  changed: z.array(z.string()).nullable(),
  commit: commitPlace,
})

export const eventData = z.object({
  key: row.nullable(),
  values: row,
  emitted: z.boolean().optional(),
  commit: commitPlace,
})

export const watermarkData = z.object({
  lsn: wireLsn,
  from: wireLsn,
  timeline: count,
  systemId: decimal,
  epoch: name,
  sequence: z.int().min(1).transform(BigInt),
  snapshot,
  databaseTime: instant,
  fingerprint: z.string(),
})

const parameterKinds = z.record(
  z.string(),
  z.record(z.string(), z.enum(['integer', 'uuid', 'text', 'boolean', 'date'])),
)

const gapCause = z.enum([
  'first-start',
  'slot-lost',
  'lsn-break',
  'sequence-break',
  'offset-out-of-range',
  'cursor-lost',
  'slot-moved',
  'unreadable-record',
  'timeline-changed',
  'system-changed',
  'tables-changed',
  'catalog-in-force',
  'catalog-retired',
  'wal-budget',
])

export const gapData = z.object({
  scope: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('all') }),
    z.object({ kind: z.literal('tables'), tables: z.array(name) }),
    z.object({ kind: z.literal('catalog'), owner: name, version: name, fingerprint: z.string(), parameterKinds }),
  ]),
  cause: gapCause,
  lsn: wireLsn,
  id: name,
  partitions: z.array(name),
})

export const invalidationData = z.object({
  shard: z.union([count, z.literal('all')]),
  tags: z.array(name),
  cause: z.enum(['change', 'event', 'gap', 'hand']),
  commit: commit.optional(),
  fencedAt: instant,
  batch: z.object({ topic: name, partition: count, from: offset, to: offset, readAt: instant }).optional(),
  // one that this version does not know is no reason to miss a fence
  gap: gapCause.optional().catch(undefined),
})

export const appliedData = z.object({
  lsn: wireLsn,
  snapshot,
  systemId: decimal,
  timeline: count,
  databaseTime: instant,
  redis: name.optional(),
})

const parameterValue = z.union([z.string(), z.number(), z.boolean()])
export const parameterValues = z.record(z.string(), parameterValue)

/** A scalar, or the named values of a `{query}`. */
const keyParameter = z.union([
  parameterValue,
  z.record(z.string(), z.union([parameterValue, z.null(), z.array(z.union([parameterValue, z.null()]))])),
])

export const warmRequestData = z.object({
  owner: name,
  template: name,
  key: name,
  parameters: z.record(z.string(), keyParameter),
  priority: z.number(),
  notBefore: instant,
  deadline: instant,
})

const outcomes = z.object({ l1: count, l2: count, missed: count })

export const accessStatsData = z.object({
  instance: name,
  owner: name,
  endedAt: instant,
  intervalMs: count,
  keys: z.array(z.object({ template: name, key: name, count })),
  templates: z.record(z.string(), outcomes),
})

export const catalogData = z.looseObject({ owner: name, version: name })
export const catalogRetiredData = z.object({ owner: name, version: name })

const fault = z.object({ code: name, path: z.string(), message: z.string(), fix: z.string().exactOptional() })
export const catalogStatusData = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('accepted'),
    owner: name,
    version: name,
    fingerprint: z.string(),
    lsn: wireLsn,
    parameterKinds,
  }),
  z.object({
    state: z.literal('refused'),
    owner: name,
    version: name,
    fingerprint: z.string(),
    faults: z.array(fault),
  }),
  z.object({ state: z.literal('retired'), owner: name, version: name, fingerprint: z.string(), lsn: wireLsn }),
])

/** A dead letter's extension attributes; CloudEvents integers have 32 bits, so an offset is text. */
export const deadLetterAttributes = z.object({
  data_base64: z.base64(),
  reason: z.string(),
  sourcetopic: name,
  sourcepartition: count,
  sourceoffset: offset,
  attempts: count,
  originalkey: z.base64().optional(),
  originalheaders: z.string().optional(),
})
export const stringHeaders = z.record(z.string(), z.string())

/** Names of the record types that are Freshet's own. */
export const controlTypes = {
  watermark: 'freshet.watermark.v1',
  gap: 'freshet.gap.v1',
  invalidation: 'freshet.invalidation.v1',
  applied: 'freshet.applied.v1',
  warmRequest: 'freshet.warm-request.v1',
  accessStats: 'freshet.access-stats.v1',
  catalog: 'freshet.catalog.v1',
  catalogRetired: 'freshet.catalog-retired.v1',
  catalogStatus: 'freshet.catalog-status.v1',
  deadLetter: 'freshet.dead-letter.v1',
} as const
