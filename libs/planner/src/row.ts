import type { Change, ColumnValue, Row } from './change.js'

/** Which of a change's two rows a rule is evaluated on. */
export type Side = 'old' | 'new'

/** The rows that a change has; an update has both, though the database may not have sent the old one. */
export const sidesOf: Readonly<Record<Exclude<Change['operation'], 'truncate'>, readonly Side[]>> = {
  insert: ['new'],
  update: ['old', 'new'],
  delete: ['old'],
}

/**
 * A column's value in one of the rows; undefined = unknown.
 *
 * An update says more than its images: a value missing from the new row is unchanged TOAST, so that the old row's holds;
 * a column known to be unchanged is in the old row what it is in the new one; and where no old image came at all, the
 * columns of the key did not change (the protocol sends it whenever they do).
 */
export function valueIn(change: Change, side: Side, column: string, key: readonly string[]): ColumnValue | undefined {
  const value = held(change[side], column)
  if (value !== undefined || change.operation !== 'update') return value
  if (side === 'new') return held(change.old, column)
  const unchanged =
    (change.changed !== undefined && !change.changed.includes(column)) ||
    (change.old === undefined && key.includes(column))
  return unchanged ? held(change.new, column) : undefined
}

// Own names only: a column may be called "constructor".
const held = (row: Row | undefined, column: string): ColumnValue | undefined =>
  row !== undefined && Object.hasOwn(row, column) ? row[column] : undefined
