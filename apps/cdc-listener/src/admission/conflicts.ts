import type { Catalog, CatalogJson } from '@freshet/catalog'
import type { CatalogFault } from '@freshet/events'
import type { TableFacts } from '@freshet/postgres'
import { placeIn } from './path.js'

/**
 * Where a catalog contradicts those already admitted: one table has one entity, key and meaning of an event, and rows of
 * a partition come under its root's name once the root is published.
 */
export function conflictsOf(
  catalog: Catalog,
  admitted: readonly Catalog[],
  facts: ReadonlyMap<string, TableFacts>,
): readonly CatalogFault[] {
  const others = admitted.filter((other) => other.owner !== catalog.owner || other.version !== catalog.version)
  const rivals = others.flatMap((other) => rivalsOf(catalog.json, other))
  return [...rivals, ...rootFaults(catalog.json, [catalog, ...others], facts)]
}

function rivalsOf(json: CatalogJson, other: Catalog): CatalogFault[] {
  const faults: CatalogFault[] = []
  const compare = (code: string, path: string, mine: unknown, theirs: unknown): void => {
    const [here, there] = [JSON.stringify(mine), JSON.stringify(theirs)]
    if (here === there) return
    faults.push({
      code,
      path,
      message: `${here} here, but ${there} in catalog ${other.owner}@${other.version}; agree, or retire that one first`,
    })
  }
  for (const [table, mine] of Object.entries(json.tables)) {
    const theirs = other.json.tables[table]
    if (theirs === undefined) continue
    const columnsOf = (declared: typeof mine): string[] => declared.key.map((alias) => declared.columns[alias] ?? alias)
    compare('entity-conflict', placeIn('tables', table, 'entity'), mine.entity, theirs.entity)
    compare('source-conflict', placeIn('tables', table, 'from'), mine.from ?? null, theirs.from ?? null)
    compare('key-conflict', placeIn('tables', table, 'key'), columnsOf(mine), columnsOf(theirs))
    for (const [event, { column, becomes }] of Object.entries(mine.events ?? {})) {
      const declared = theirs.events?.[event]
      if (declared === undefined) continue
      const path = placeIn('tables', table, 'events', event)
      compare(
        'event-conflict',
        path,
        [mine.columns[column], becomes],
        [theirs.columns[declared.column], declared.becomes],
      )
      for (const [alias, name] of Object.entries(mine.columns)) {
        if (alias in theirs.columns)
          compare('event-conflict', placeIn('tables', table, 'columns', alias), name, theirs.columns[alias])
      }
    }
  }
  for (const [event, { parameters }] of Object.entries(json.events ?? {})) {
    const declared = other.json.events?.[event]
    if (declared) compare('event-conflict', placeIn('events', event), sorted(parameters), sorted(declared.parameters))
  }
  return faults
}

const sorted = (parameters: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(parameters).sort(([left], [right]) => (left < right ? -1 : 1))

function rootFaults(
  json: CatalogJson,
  all: readonly Catalog[],
  facts: ReadonlyMap<string, TableFacts>,
): CatalogFault[] {
  const declaredBy = new Map(
    all.flatMap(({ json: { tables }, owner }) => Object.keys(tables).map((table) => [table, owner])),
  )
  return [...declaredBy.keys()].flatMap((table) => {
    const root = facts.get(table)?.roots.find((above) => declaredBy.has(above))
    if (root === undefined || !(table in json.tables || root in json.tables)) return []
    const path = placeIn('tables', table in json.tables ? table : root)
    return [
      {
        code: 'leaf-and-root',
        path,
        message: `${table} is a partition of ${root}, and its rows come under that name once both are declared; declare ${root} only`,
      },
    ]
  })
}
