import { parseSnapshot, formatSnapshot, type AppliedWatermark } from '@freshet/coherence'
import { lsn } from '@freshet/pgoutput'
import { z } from 'zod'
import type { CatalogInForce, Cursor, HotHour } from './fence-store.js'

/** 64-bit numbers stand as decimal text, as in all of Freshet's JSON. */
const decimal = z
  .string()
  .regex(/^\d+$/)
  .transform((digits) => BigInt(digits))
const position = decimal.transform(lsn)

const cursorJson = z.object({
  offset: decimal,
  epoch: z.string().optional(),
  sequence: decimal.optional(),
  sequenceOffset: decimal.optional(),
  lsn: position.optional(),
  timeline: z.number().optional(),
  systemId: z.string().optional(),
  fingerprint: z.string().optional(),
})

const snapshotText = z
  .string()
  .regex(/^\d+:\d+:[\d,]*$/)
  .transform(parseSnapshot)

const appliedJson = z.object({
  lsn: position,
  snapshot: snapshotText,
  systemId: z.string(),
  timeline: z.number(),
  databaseTimeMs: z.number(),
})

const kind = z.enum(['integer', 'uuid', 'text', 'boolean', 'date'])
const catalogJson = z.object({
  owner: z.string(),
  version: z.string(),
  fingerprint: z.string(),
  lsn: position,
  parameterKinds: z.record(z.string(), z.record(z.string(), kind)),
})

export const formatCursor = (cursor: Cursor): string => JSON.stringify(cursor, decimals)

/** Undefined for text that cannot be read: a lost cursor, which is a gap. */
export function parseCursor(text: string): Cursor | undefined {
  return cursorJson.safeParse(json(text)).data
}

export const formatApplied = (mark: AppliedWatermark): string =>
  JSON.stringify({ ...mark, snapshot: formatSnapshot(mark.snapshot) }, decimals)

/** Undefined for text that cannot be read: nothing is vouched for. */
export function parseApplied(text: string): AppliedWatermark | undefined {
  return appliedJson.safeParse(json(text)).data
}

export const formatCatalog = (record: CatalogInForce): string => JSON.stringify(record, decimals)

/** Undefined for text that cannot be read: the catalog is not known to be in force. */
export function parseCatalog(text: string): CatalogInForce | undefined {
  return catalogJson.safeParse(json(text)).data
}

export const formatHotHour = ({ keys }: HotHour): string =>
  JSON.stringify(keys.map(({ owner, template, key, count }) => [owner, template, key, count]))

const hotKeysJson = z.array(z.tuple([z.string(), z.string(), z.string(), z.number()]))

/** Undefined for text that cannot be read: nothing is known of the hour. */
export function parseHotHour(hour: string, text: string): HotHour | undefined {
  const keys = hotKeysJson.safeParse(json(text)).data
  return (
    keys && { hour: Number(hour), keys: keys.map(([owner, template, key, count]) => ({ owner, template, key, count })) }
  )
}

const decimals = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
