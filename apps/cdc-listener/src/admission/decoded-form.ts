import type { ColumnValue } from '@freshet/events'
import type { ColumnFacts } from '@freshet/postgres'

const oid = { bool: 16, int8: 20, int2: 21, int4: 23 } as const

/**
 * A value of a catalog in the form in which rows of the column are decoded, so that `===` compares: int2 and int4 as
 * numbers, int8 as decimal text, bool as boolean, all others as text. Undefined when the column cannot have it.
 */
export function decodedForm(value: ColumnValue, column: Pick<ColumnFacts, 'typeOid'>): ColumnValue | undefined {
  if (value === null) return null
  switch (column.typeOid) {
    case oid.bool:
      return typeof value === 'boolean' ? value : undefined
    case oid.int2:
    case oid.int4:
      return isInteger(value) ? Number(value) : undefined
    case oid.int8:
      return isInteger(value) ? BigInt(value).toString() : undefined
    default:
      return typeof value === 'boolean' ? undefined : String(value)
  }
}

const isInteger = (value: string | number | boolean): value is string | number =>
  typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && /^-?\d+$/.test(value)
