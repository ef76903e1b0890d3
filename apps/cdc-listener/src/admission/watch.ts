import type { Catalog, TableJson } from '@freshet/catalog'
import { oldColumnsOf, publishable, type ColumnFacts, type TableFacts } from '@freshet/postgres'
import type { ForeignTable, MappedEvent, WatchedEmittedEvent, WatchedTable, WatchedTables } from '../watched-tables.js'
import { decodedForm } from './decoded-form.js'

/** What each table's publication has to send: everything that it can, unless no catalog wants more than inserts. */
export function wantedOf(
  catalogs: readonly Catalog[],
  facts: ReadonlyMap<string, TableFacts>,
): ReadonlyMap<string, 'all' | 'inserts'> {
  const wanted = new Map<string, 'all' | 'inserts'>()
  for (const [table, declarations] of declarationsOf(catalogs)) {
    const known = facts.get(table)
    if (known === undefined || declarations.some(({ from }) => from !== undefined)) continue
    const { publish } = publishable(known)
    if (publish === 'nothing') continue
    wanted.set(table, declarations.every(({ appendOnly }) => appendOnly === true) ? 'inserts' : publish)
  }
  return wanted
}

/**
 * The union of what catalogs declare, for the stream. They have been admitted together, so they do not contradict each
 * other; a table that the database no longer has, or no longer can publish, is left out.
 */
export function watchedTablesOf(catalogs: readonly Catalog[], facts: ReadonlyMap<string, TableFacts>): WatchedTables {
  const declarations = declarationsOf(catalogs)
  const tables = new Map<string, WatchedTable>()
  for (const [table, publish] of wantedOf(catalogs, facts)) {
    const known = facts.get(table)
    const declared = declarations.get(table) ?? []
    if (known !== undefined) tables.set(table, watchedTable(known, declared, publish === 'inserts'))
  }
  const emitted = new Map(catalogs.flatMap(({ json }) => Object.entries(json.events ?? {}).map(emittedEvent)))
  const entities = [
    ...[...declarations.values()].flat().map(({ entity }) => entity),
    ...[...emitted.values()].map(({ entity }) => entity),
  ]
  return { tables, emitted, foreign: foreignTables(declarations), entities: [...new Set(entities)].sort() }
}

const foreignTables = (declarations: ReadonlyMap<string, readonly TableJson[]>): readonly ForeignTable[] =>
  [...declarations].flatMap(([table, declared]) => {
    const first = declared.find(({ from }) => from !== undefined)
    return first?.from ? [{ table, entity: first.entity, isHere: first.from.slot !== undefined }] : []
  })

function declarationsOf(catalogs: readonly Catalog[]): ReadonlyMap<string, readonly TableJson[]> {
  const declarations = new Map<string, TableJson[]>()
  for (const { json } of catalogs) {
    for (const [table, declared] of Object.entries(json.tables)) {
      declarations.set(table, [...(declarations.get(table) ?? []), declared])
    }
  }
  return declarations
}

function watchedTable(facts: TableFacts, declarations: readonly TableJson[], appendOnly: boolean): WatchedTable {
  const [first] = declarations
  const names = declarations.flatMap(({ columns }) => Object.values(columns)).filter((name) => facts.columns.has(name))
  const watchedColumns = [...new Set(names)].sort()
  const old = oldColumnsOf(facts)
  return {
    table: facts.name,
    entity: first?.entity ?? '',
    keyColumns: first === undefined ? [] : first.key.map((alias) => first.columns[alias] ?? alias),
    watchedColumns,
    oldColumns: appendOnly ? [] : watchedColumns.filter((column) => old.has(column)),
    partitioned: facts.kind === 'partitioned-table',
    events: eventsOf(declarations, facts),
    appendOnly,
  }
}

function eventsOf(declarations: readonly TableJson[], facts: TableFacts): readonly MappedEvent[] {
  const events = new Map<string, MappedEvent>()
  for (const { columns, events: declared = {} } of declarations) {
    for (const [name, { column: alias, becomes }] of Object.entries(declared)) {
      const column = facts.columns.get(columns[alias] ?? alias)
      const form = column && decodedForm(becomes, column)
      if (column === undefined || form === undefined) continue
      const values = { ...events.get(name)?.values, ...existing(columns, facts.columns) }
      events.set(name, { name, column: column.name, becomes: form, values })
    }
  }
  return [...events.values()].sort((left, right) => (left.name < right.name ? -1 : 1))
}

const existing = (
  columns: Readonly<Record<string, string>>,
  known: ReadonlyMap<string, ColumnFacts>,
): Record<string, string> => Object.fromEntries(Object.entries(columns).filter(([, name]) => known.has(name)))

const emittedEvent = ([name, { parameters }]: [string, Pick<WatchedEmittedEvent, 'parameters'>]): [
  string,
  WatchedEmittedEvent,
] => [name, { name, entity: name.slice(0, name.indexOf('.')), parameters }]
