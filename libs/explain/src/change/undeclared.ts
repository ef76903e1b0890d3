import type { Catalog } from '@freshet/catalog'
import type { TestChange } from '@freshet/planner/testing'

/** What is wrong with a change, and where: `0.update.old.memberid`. */
export interface ChangeFault {
  readonly field: string
  readonly detail: string
}

/** Every table, column and event that the changes name and no catalog declares. Pure. */
export const undeclaredIn = (catalogs: readonly Catalog[], changes: readonly TestChange[]): readonly ChangeFault[] =>
  changes.flatMap((change, at) => {
    const prefix = changes.length === 1 ? '' : `${at}.`
    return faultsOf(catalogs, change).map(({ field, detail }) => ({ field: `${prefix}${field}`, detail }))
  })

function faultsOf(catalogs: readonly Catalog[], change: TestChange): readonly ChangeFault[] {
  if ('event' in change) {
    const events = distinct(catalogs.flatMap(({ json }) => Object.keys(json.events ?? {})))
    return events.includes(change.event) ? [] : [fault('event', 'event', change.event, events)]
  }
  const tables = catalogs.flatMap(({ json }) => json.tables[change.table] ?? [])
  if (tables.length === 0) {
    const known = distinct(catalogs.flatMap(({ json }) => Object.keys(json.tables)))
    return [fault('table', 'table', change.table, known)]
  }
  const columns = distinct(tables.flatMap((table) => Object.keys(table.columns)))
  return rowsOf(change).flatMap(([field, row]) =>
    Object.keys(row)
      .filter((alias) => !columns.includes(alias))
      .map((alias) => fault(`${field}.${alias}`, 'column', alias, columns)),
  )
}

function rowsOf(change: Exclude<TestChange, { event: string }>): readonly (readonly [field: string, row: object])[] {
  if ('insert' in change) return [['insert', change.insert]]
  if ('delete' in change) return [['delete', change.delete]]
  if ('update' in change)
    return [
      ['update.old', change.update.old],
      ['update.new', change.update.new],
    ]
  return []
}

const fault = (field: string, kind: string, name: string, declared: readonly string[]): ChangeFault => ({
  field,
  detail: `no catalog declares the ${kind} "${name}"; declared are: ${declared.join(', ') || 'none'}`,
})

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)]
