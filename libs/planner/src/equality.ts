import type { ColumnValue } from './change.js'

/**
 * May a column's value be the one that a condition names? A condition only narrows, so that a doubt counts as yes:
 * an unknown value, another spelling of the same number, case, padding, or types that cannot be compared.
 */
export function mayEqual(value: ColumnValue | undefined, wanted: ColumnValue): boolean {
  if (value === undefined || value === wanted) return true
  if (value === null || wanted === null) return false
  if (typeof value === 'boolean' || typeof wanted === 'boolean') return typeof value !== typeof wanted
  const numbers = [numberOf(value), numberOf(wanted)]
  if (!numbers.includes(undefined)) return numbers[0] === numbers[1]
  if (typeof value === 'number' || typeof wanted === 'number') return true
  return value.trim().toLowerCase() === wanted.trim().toLowerCase()
}

const numberOf = (value: string | number): number | undefined =>
  typeof value === 'number'
    ? value
    : /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)
      ? Number(value)
      : undefined
