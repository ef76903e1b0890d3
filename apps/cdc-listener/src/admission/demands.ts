import type { CatalogJson, RuleJson, TableJson } from '@freshet/catalog'

/** What a catalog asks of one table; columns are named as in the database. */
export interface TableDemand {
  readonly table: string
  readonly declared: TableJson
  readonly keyColumns: readonly string[]
  /** Columns whose old value a rule or event needs, each with the place in the catalog that needs it. */
  readonly old: readonly ColumnDemand[]
  /** The first place that acts on updates or deletes; undefined when inserts and truncates are enough. */
  readonly updates: string | undefined
}

export interface ColumnDemand {
  readonly column: string
  readonly path: string
}

type TableRule = RuleJson & { readonly on: Extract<RuleJson['on'], { table: string }> }

/**
 * What a valid catalog asks of its tables.
 *
 * A rule is evaluated on the old and the new row, and so needs the old value of what it binds and compares, unless it
 * acts on inserts only or widens where the old row is unknown. `changed` needs none: unknown counts as changed. Evictions
 * are best effort.
 */
export function demandsOf(catalog: CatalogJson): readonly TableDemand[] {
  return Object.entries(catalog.tables).map(([table, declared]) => {
    const events = Object.entries(declared.events ?? {})
    const rules = catalog.rules.flatMap((rule, index) =>
      isOn(rule, table) && actsOnUpdates(rule) ? [{ rule, path: `rules[${index}]` }] : [],
    )
    const old = [
      ...events.map(([event, { column }]) => ({ alias: column, path: `tables.${table}.events.${event}` })),
      ...rules.flatMap(({ rule, path }) => oldOf(rule, path)),
    ]
    return {
      table,
      declared,
      keyColumns: declared.key.map((alias) => declared.columns[alias] ?? alias),
      old:
        declared.appendOnly === true
          ? []
          : old.map(({ alias, path }) => ({ column: declared.columns[alias] ?? alias, path })),
      updates:
        declared.appendOnly === true
          ? undefined
          : (rules[0]?.path ?? (events[0] && `tables.${table}.events.${events[0][0]}`)),
    }
  })
}

const isOn = (rule: RuleJson, table: string): rule is TableRule => 'table' in rule.on && rule.on.table === table

const actsOnUpdates = ({ on }: RuleJson): boolean =>
  'table' in on && (on.operations === undefined || on.operations.some((operation) => operation !== 'insert'))

function oldOf(rule: TableRule, path: string): { alias: string; path: string }[] {
  if (rule.whenOldUnknown === 'all') return []
  const compared = Object.keys(rule.on.where ?? {}).map((alias) => ({ alias, path: `${path}.on.where.${alias}` }))
  const bound = rule.fences.flatMap((target, index) =>
    'with' in target
      ? Object.entries(target.with).map(([parameter, alias]) => ({
          alias,
          path: `${path}.fences[${index}].with.${parameter}`,
        }))
      : [],
  )
  return [...compared, ...bound]
}
