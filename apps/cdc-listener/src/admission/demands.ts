import type { CatalogJson, RuleJson, TableJson } from '@freshet/catalog'
import { placeIn } from './path.js'

/** What a catalog asks of one table; columns are named as in the database. */
export interface TableDemand {
  readonly table: string
  readonly declared: TableJson
  readonly keyColumns: readonly string[]
  /** Columns whose old value a rule or event needs, each with the place in the catalog that needs it. */
  readonly old: readonly ColumnDemand[]
  /** What columns are compared with. */
  readonly values: readonly ComparedValue[]
  /** The first place that acts on updates or deletes; undefined when inserts and truncates are enough. */
  readonly updates: string | undefined
}

export interface ColumnDemand {
  readonly column: string
  readonly path: string
}

export interface ComparedValue extends ColumnDemand {
  readonly value: string | number | boolean | null
}

type TableRule = RuleJson & { readonly on: Extract<RuleJson['on'], { table: string }> }

/**
 * What a valid catalog asks of its tables; of one that is in another database nothing, since it cannot be asked.
 *
 * A rule is evaluated on the old and the new row, and so needs the old value of what it binds and compares, unless it
 * acts on inserts only or widens where the old row is unknown. `changed` needs none: unknown counts as changed. Evictions
 * are best effort.
 */
export function demandsOf(catalog: CatalogJson): readonly TableDemand[] {
  const tables = Object.entries(catalog.tables).filter(([, { from }]) => from?.types === undefined)
  return tables.map(([table, declared]) => {
    const columnOf = (alias: string): string => declared.columns[alias] ?? alias
    const keyColumns = declared.key.map(columnOf)
    const values = valuesOf(catalog, table, declared)
    if (declared.appendOnly === true) return { table, declared, keyColumns, values, old: [], updates: undefined }
    const events = Object.entries(declared.events ?? {}).map(([event, { column }]) => ({
      alias: column,
      path: placeIn('tables', table, 'events', event),
    }))
    const rules = catalog.rules.flatMap((rule, index) =>
      isOn(rule, table) && actsOnUpdates(rule) ? [{ path: placeIn('rules', index), old: oldOf(rule, index) }] : [],
    )
    const old = [...events, ...rules.flatMap((rule) => rule.old)]
    return {
      table,
      declared,
      keyColumns,
      values,
      old: old.map(({ alias, path }) => ({ column: columnOf(alias), path })),
      updates: [...rules, ...events][0]?.path,
    }
  })
}

function valuesOf(catalog: CatalogJson, table: string, declared: TableJson): readonly ComparedValue[] {
  const columnOf = (alias: string): string => declared.columns[alias] ?? alias
  const become = Object.entries(declared.events ?? {}).map(([event, { column, becomes }]) => ({
    column: columnOf(column),
    value: becomes,
    path: placeIn('tables', table, 'events', event, 'becomes'),
  }))
  const compared = catalog.rules.flatMap((rule, index) =>
    Object.entries((isOn(rule, table) && rule.on.where) || {}).map(([alias, value]) => ({
      column: columnOf(alias),
      value,
      path: placeIn('rules', index, 'on', 'where', alias),
    })),
  )
  return [...become, ...compared]
}

const isOn = (rule: RuleJson, table: string): rule is TableRule => 'table' in rule.on && rule.on.table === table

const actsOnUpdates = ({ on }: RuleJson): boolean =>
  'table' in on && (on.operations === undefined || on.operations.some((operation) => operation !== 'insert'))

function oldOf(rule: TableRule, index: number): { alias: string; path: string }[] {
  if (rule.whenOldUnknown === 'all') return []
  const compared = Object.keys(rule.on.where ?? {}).map((alias) => ({
    alias,
    path: placeIn('rules', index, 'on', 'where', alias),
  }))
  const bound = rule.fences.flatMap((target, position) =>
    'with' in target
      ? Object.entries(target.with).map(([parameter, alias]) => ({
          alias,
          path: placeIn('rules', index, 'fences', position, 'with', parameter),
        }))
      : [],
  )
  return [...compared, ...bound]
}
