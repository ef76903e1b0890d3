import type { CatalogFault } from '@freshet/events'
import {
  oldColumnsOf,
  publishable,
  quoteTable,
  type InsertsOnlyReason,
  type TableFacts,
  type UnsupportedReason,
} from '@freshet/postgres'
import type { TableDemand } from './demands.js'
import { mendIdentity, script } from './mend-identity.js'
import { decodedForm } from './decoded-form.js'
import { placeIn } from './path.js'

/** A server that publishes stored generated columns at all. */
const publishesGenerated = 18

/**
 * All that one table of the database lacks for what a catalog asks of it. `keep` are columns whose old value the
 * catalogs already admitted need: a statement that mends must not take them away.
 */
export function tableFaults(
  demand: TableDemand,
  facts: TableFacts | undefined,
  keep: readonly string[],
  version: number,
): readonly CatalogFault[] {
  const path = placeIn('tables', demand.table)
  if (facts === undefined) {
    return [
      { code: 'table-missing', path, message: `there is no table ${demand.table}, or its name is spelt differently` },
    ]
  }
  const judged = publishable(facts)
  if (judged.publish === 'nothing') return [unsupported(path, facts, judged.because)]
  return [...columnFaults(demand, facts, version), ...valueFaults(demand, facts), ...oldFaults(demand, facts, keep)]
}

function unsupported(path: string, facts: TableFacts, because: UnsupportedReason): CatalogFault {
  const table = quoteTable(facts.name)
  const statements = {
    unlogged: [`alter table ${table} set logged`],
    'inheritance-children': facts.children.map((child) => `alter table ${quoteTable(child)} no inherit ${table}`),
    'foreign-leaf': facts.leaves
      .filter((leaf) => leaf.kind !== 'table')
      .map((leaf) => `alter table ${table} detach partition ${quoteTable(leaf.name)}`),
    'unlogged-leaf': facts.leaves
      .filter((leaf) => leaf.persistence !== 'permanent')
      .map((leaf) => `alter table ${quoteTable(leaf.name)} set logged`),
  }
  const fix = because in statements ? script(statements[because as keyof typeof statements]) : undefined
  return { code: 'table-unsupported', path, message: `${facts.name} ${unsupportedTexts[because]}`, ...(fix && { fix }) }
}

const unsupportedTexts: Readonly<Record<UnsupportedReason, string>> = {
  view: 'is a view; declare the tables that it reads',
  'materialized-view':
    'is a materialized view, whose refreshes are not in the write-ahead log; declare the tables that it reads',
  'foreign-table': 'is a foreign table, whose changes are in another server; declare it there',
  unlogged: 'is unlogged: its changes are not in the write-ahead log',
  temporary: 'is a temporary table, which only its own session sees',
  'not-a-table': 'is no table',
  'inheritance-children': 'has tables that inherit from it, whose rows come under their own names',
  'foreign-leaf': 'has a partition on another server, whose changes are not in this write-ahead log',
  'unlogged-leaf': 'has an unlogged partition, whose changes are not in the write-ahead log',
  'system-table': "is one of Postgres' own tables, which cannot be published",
}

function columnFaults({ table, declared }: TableDemand, facts: TableFacts, version: number): CatalogFault[] {
  return Object.entries(declared.columns).flatMap(([alias, name]) => {
    const path = placeIn('tables', table, 'columns', alias)
    const column = facts.columns.get(name)
    if (column === undefined) return [{ code: 'column-missing', path, message: `${table} has no column "${name}"` }]
    const sent = column.generated === undefined || (column.generated === 'stored' && version >= publishesGenerated)
    if (sent) return []
    return [
      {
        code: 'column-unpublished',
        path,
        message: `"${name}" is a ${column.generated} generated column, which this server cannot publish; declare the columns that it is made of`,
      },
    ]
  })
}

/** A value that no decoded row can have would make a condition false for ever, and a rule that never fences. */
function valueFaults({ values }: TableDemand, facts: TableFacts): CatalogFault[] {
  return values.flatMap(({ column: name, value, path }) => {
    const column = facts.columns.get(name)
    if (column === undefined || decodedForm(value, column) !== undefined) return []
    const message = `${JSON.stringify(value)} is no value of "${name}", which is ${column.typeName}`
    return [{ code: 'value-of-other-type', path, message }]
  })
}

function oldFaults(demand: TableDemand, facts: TableFacts, keep: readonly string[]): CatalogFault[] {
  const judged = publishable(facts)
  const needed = [...new Set([...demand.keyColumns, ...demand.old.map(({ column }) => column), ...keep])]
  const missing = needed.some((column) => !facts.columns.has(column))
  const mend = missing ? { hindered: 'its columns are missing' } : mendIdentity(facts, needed)
  const ending = 'hindered' in mend ? `; it cannot be mended by a replica identity: ${mend.hindered}` : ''
  const fix = 'hindered' in mend ? {} : { fix: script(mend.statements) }
  if (judged.publish === 'inserts') {
    if (demand.updates === undefined) return []
    const message = `the updates and deletes of ${demand.table} cannot be published without making them fail: ${insertsOnlyTexts[judged.because]}; or say appendOnly: true if it has none${ending}`
    return [{ code: 'updates-unpublished', path: demand.updates, message, ...fix }]
  }
  if (demand.declared.appendOnly === true) return []
  const known = oldColumnsOf(facts)
  const key = demand.keyColumns
    .filter((column) => facts.columns.has(column) && !known.has(column))
    .map((column) => ({ code: 'key-not-identified', path: placeIn('tables', demand.table, 'key'), column }))
  const old = demand.old
    .filter(({ column }) => facts.columns.has(column) && !known.has(column))
    .map(({ column, path }) => ({ code: 'old-column-unknown', path, column }))
  return [...key, ...old].map(({ code, path, column }) => ({
    code,
    path,
    message: `updates and deletes of ${demand.table} do not tell the old value of "${column}" (replica identity ${facts.identity.setting})${ending}`,
    ...fix,
  }))
}

const insertsOnlyTexts: Readonly<Record<InsertsOnlyReason, string>> = {
  'no-primary-key': 'it has no primary key',
  'deferrable-primary-key': 'its primary key is deferrable',
  'identity-nothing': 'its replica identity is NOTHING',
  'identity-index-lost': 'the index of its replica identity is gone',
  'full-with-virtual-columns': 'its replica identity is FULL and it has virtual generated columns',
  'root-without-primary-key':
    'it is partitioned and has no primary key of its own, so that its next partition would have none',
}
