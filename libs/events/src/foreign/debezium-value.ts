import type { ColumnValue } from '../values.js'

/** The types of columns whose values Freshet uses. */
export type ForeignColumnType = 'int2' | 'int4' | 'int8' | 'uuid' | 'text' | 'bool' | 'date'

/** What Debezium writes in place of a long value that an update left alone (`unavailable.value.placeholder`). */
const unavailable = '__debezium_unavailable_value'

const dayMs = 86_400_000
/** Years 1 to 9999, whose text has four digits for the year. */
const firstDay = Date.parse('0001-01-01') / dayMs
const lastDay = Date.parse('9999-12-31') / dayMs

/**
 * A column's value as Freshet's own records have it; undefined where it cannot be told, which counts as unknown: a rule
 * then fences more.
 */
export function readDebeziumValue(value: unknown, type: ForeignColumnType | undefined): ColumnValue | undefined {
  if (value === null) return null
  if (value === unavailable || type === undefined) return undefined
  return readers[type](value)
}

const integer = (value: unknown): string | undefined => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value).toString() : undefined
}

const small = (value: unknown): number | undefined => {
  const text = integer(value)
  return text === undefined ? undefined : Number(text)
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const readers: Readonly<Record<ForeignColumnType, (value: unknown) => ColumnValue | undefined>> = {
  int2: small,
  int4: small,
  int8: integer,
  uuid: (value) => text(value)?.toLowerCase(),
  text,
  bool: (value) => (typeof value === 'boolean' ? value : undefined),
  /** Days since 1970, or with `time.precision.mode=isostring` the date, which then ends in Z. */
  date: (value) => {
    if (typeof value === 'string') return /^(\d{4}-\d{2}-\d{2})Z?$/.exec(value)?.[1]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < firstDay || value > lastDay) return undefined
    return new Date(value * dayMs).toISOString().slice(0, 10)
  },
}
