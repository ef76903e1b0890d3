import type { Scalar } from '@freshet/cache-keys'
import type { Catalog, TableJson } from '@freshet/catalog'
import type { Change, ColumnValue, EmittedEvent, Row } from './change.js'
import { mergePlans, type Cause, type Plan, type Refresh } from './plan.js'
import { createPlanner, type Planner } from './planner.js'

/** A row by the catalog's aliases; a missing alias is unknown, as where the database did not send it. */
export type AliasRow = Readonly<Record<string, ColumnValue>>

/** A change, or an emitted event, as a unit test writes it. */
export type TestChange =
  | { readonly table: string; readonly insert: AliasRow }
  | { readonly table: string; readonly update: { readonly old: AliasRow; readonly new: AliasRow } }
  | { readonly table: string; readonly delete: AliasRow }
  | { readonly table: string; readonly truncate: true }
  | { readonly event: string; readonly parameters: Readonly<Record<string, Scalar>> }

/** What it does. */
export interface TestPlan {
  /** Texts of the fenced tags, sorted. */
  readonly fences: readonly string[]
  /** Legacy keys to delete, sorted. */
  readonly evictions: readonly string[]
  readonly refreshes: readonly Refresh[]
  /** By a tag's text: the rules that fenced it. */
  readonly because: ReadonlyMap<string, readonly Cause[]>
}

/** A test names something that the catalog does not declare. */
export class UndeclaredInCatalogError extends Error {
  readonly code = 'UNDECLARED_IN_CATALOG'

  constructor(
    readonly kind: 'table' | 'column' | 'event',
    /** What was named. */
    readonly undeclared: string,
    readonly declared: readonly string[],
  ) {
    super(`The catalog declares no ${kind} "${undeclared}"; it declares: ${declared.join(', ') || 'none'}`)
    this.name = 'UndeclaredInCatalogError'
  }
}

/**
 * Plans changes in a unit test, without any server.
 *
 * Throws UndeclaredInCatalogError when a change names a table, column or event that the catalog lacks.
 *
 * @example plan(membersCatalog, { table: 'public.payments', insert: { id: 1, memberId: 42, status: 'completed' } }).fences
 */
export function plan(catalog: Catalog, ...changes: readonly TestChange[]): TestPlan {
  const planner = createPlanner([catalog])
  const { fences, evictions, refreshes } = mergePlans(changes.map((change) => planOne(catalog, planner, change)))
  return {
    fences: fences.map(({ tag }) => tag.text).sort(),
    evictions: [...evictions].sort(),
    refreshes,
    because: new Map(fences.map(({ tag, because }) => [tag.text, because])),
  }
}

function planOne(catalog: Catalog, planner: Planner, change: TestChange): Plan {
  const made = changeOf(catalog, change)
  return 'table' in made ? planner.planChange(made) : planner.planEvent(made)
}

/**
 * The change in the database's column names, as the listener would publish it, or the event.
 *
 * Throws UndeclaredInCatalogError when it names a table, column or event that the catalog lacks.
 */
export function changeOf({ json }: Catalog, change: TestChange): Change | EmittedEvent {
  if ('event' in change) {
    const events = Object.keys(json.events ?? {})
    if (!events.includes(change.event)) throw new UndeclaredInCatalogError('event', change.event, events)
    return { name: change.event, parameters: change.parameters }
  }
  const table = json.tables[change.table]
  if (table === undefined) throw new UndeclaredInCatalogError('table', change.table, Object.keys(json.tables))
  return { table: change.table, ...rowsOf(change, table) }
}

function rowsOf(change: Exclude<TestChange, { event: string }>, table: TableJson): Omit<Change, 'table'> {
  if ('truncate' in change) return { operation: 'truncate' }
  if ('insert' in change) return { operation: 'insert', new: rowOf(change.insert, table) }
  if ('delete' in change) return { operation: 'delete', old: rowOf(change.delete, table) }
  const old = rowOf(change.update.old, table)
  const now = rowOf(change.update.new, table)
  const columns = [...new Set([...Object.keys(old), ...Object.keys(now)])]
  return { operation: 'update', old, new: now, changed: columns.filter((column) => old[column] !== now[column]) }
}

const rowOf = (aliases: AliasRow, table: TableJson): Row =>
  Object.fromEntries(
    Object.entries(aliases).map(([alias, value]) => {
      const column = table.columns[alias]
      if (column === undefined) throw new UndeclaredInCatalogError('column', alias, Object.keys(table.columns))
      return [column, value]
    }),
  )
