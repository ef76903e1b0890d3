import type { OccasionJson, TableJson } from '@freshet/catalog'
import type { Change, ColumnValue } from './change.js'
import { mayEqual } from './equality.js'
import { sidesOf, valueIn, type Side } from './row.js'

type RowOperation = Exclude<Change['operation'], 'truncate'>
/** A change that is not a truncate. */
export type RowChange = Change & { readonly operation: RowOperation }

/** When a rule applies, in the database's column names. */
export interface Occasion {
  readonly key: readonly string[]
  readonly operations: ReadonlySet<RowOperation>
  /** Updates that changed none of these do not count. */
  readonly changed: ReadonlySet<string> | undefined
  readonly where: readonly (readonly [column: string, wanted: ColumnValue])[]
  /** A mapped event: the column that must become the value. */
  readonly becomes: { readonly column: string; readonly value: ColumnValue } | undefined
}

/**
 * When a rule on this table applies. A narrowing by `changed` also lets through what its conditions and bindings rest
 * on: a row that enters the condition or moves to another key makes values wrong although nothing else changed.
 */
export function occasionOf(on: OccasionJson, table: TableJson, boundColumns: readonly string[]): Occasion {
  const columnOf = (alias: string) => table.columns[alias] ?? alias
  const key = table.key.map(columnOf)
  if ('event' in on) {
    const event = table.events?.[on.event]
    const becomes = event && { column: columnOf(event.column), value: event.becomes }
    return { key, operations: new Set(['insert', 'update']), changed: undefined, where: [], becomes }
  }
  const where = Object.entries(on.where ?? {}).map(([alias, wanted]) => [columnOf(alias), wanted] as const)
  return {
    key,
    operations: new Set(on.operations ?? ['insert', 'update', 'delete']),
    changed:
      on.changed && new Set([...on.changed.map(columnOf), ...key, ...boundColumns, ...where.map(([column]) => column)]),
    where,
    becomes: undefined,
  }
}

/** Why a rule does not apply to a change of its table. */
export type Refusal = 'operation' | 'unchanged' | 'condition' | 'not-become'

/** Does the rule apply to this change? Whatever is unknown counts as yes. */
export const applies = (occasion: Occasion, change: RowChange): boolean => refusalOf(occasion, change) === undefined

/** The first reason for which the rule does not apply; undefined where it does. */
export function refusalOf(occasion: Occasion, change: RowChange): Refusal | undefined {
  const { operations, changed, where, becomes } = occasion
  if (!operations.has(change.operation)) return 'operation'
  if (change.operation === 'update' && changed && change.changed?.every((column) => !changed.has(column)))
    return 'unchanged'
  if (where.length > 0 && !sidesOf[change.operation].some((side) => maySatisfy(occasion, change, side)))
    return 'condition'
  return becomes === undefined || mayBecome(occasion, becomes, change) ? undefined : 'not-become'
}

const maySatisfy = ({ where, key }: Occasion, change: RowChange, side: Side): boolean =>
  where.every(([column, wanted]) => mayEqual(valueIn(change, side, column, key), wanted))

function mayBecome({ key }: Occasion, { column, value }: NonNullable<Occasion['becomes']>, change: RowChange): boolean {
  if (!mayEqual(valueIn(change, 'new', column, key), value)) return false
  if (change.operation === 'insert') return true
  const before = valueIn(change, 'old', column, key)
  return before === undefined || String(before) !== String(value)
}
