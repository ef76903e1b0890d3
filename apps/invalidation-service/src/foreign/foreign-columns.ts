import type { DebeziumSource } from '@freshet/catalog'
import type { ForeignColumns, ForeignColumnType } from '@freshet/events'
import { oldColumnsOf, type ColumnFacts, type TableFacts } from '@freshet/postgres'

/** What of a table's rows can be read, by all that catalogs declare of it; `facts` of a table that can be asked. */
export function foreignColumns(sources: readonly DebeziumSource[], facts: TableFacts | undefined): ForeignColumns {
  const types = new Map<string, ForeignColumnType | undefined>()
  const old = new Set<string>(facts && oldColumnsOf(facts))
  for (const { declared, from } of sources) {
    for (const [alias, column] of Object.entries(declared.columns)) {
      const known = facts ? typeOf(facts.columns.get(column)) : from.types?.[alias]
      types.set(column, types.get(column) ?? known)
      if (facts === undefined && (from.replicaIdentity === 'full' || declared.key.includes(alias))) old.add(column)
    }
  }
  return { types, old }
}

/** Undefined where Debezium writes values of the type in a way of its own: they count as unknown. */
function typeOf(column: ColumnFacts | undefined): ForeignColumnType | undefined {
  switch (column?.kind) {
    case 'integer':
      return column.typeName === 'bigint' ? 'int8' : 'int4'
    case 'boolean':
      return 'bool'
    case 'uuid':
    case 'text':
    case 'date':
      return column.kind
    case undefined:
      return undefined
  }
}
