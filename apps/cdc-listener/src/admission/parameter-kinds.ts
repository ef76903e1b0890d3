import { parseWildcard, QUERY, wildcardGoverns, type ParameterKind } from '@freshet/cache-keys'
import { parameterKindOf, type Catalog, type CatalogJson, type RuleJson } from '@freshet/catalog'
import type { CatalogFault, ParameterKindsByTemplate } from '@freshet/events'
import type { TableFacts } from '@freshet/postgres'
import { placeIn } from './path.js'

interface Binding {
  readonly template: string
  readonly parameter: string
  readonly kind: ParameterKind
  readonly path: string
}

/**
 * What each template's parameters are, learned from the columns that rules bind to them; a parameter that no rule binds
 * is not in the answer. Faults: columns without a canonical text, and parameters bound to two kinds, under which one
 * value would have two texts.
 */
export function learnParameterKinds(
  catalog: Catalog,
  facts: ReadonlyMap<string, TableFacts>,
): { readonly kinds: ParameterKindsByTemplate; readonly faults: readonly CatalogFault[] } {
  const faults: CatalogFault[] = []
  const learned = new Map<string, Binding>()
  for (const binding of catalog.json.rules.flatMap((rule, index) => bindingsOf(catalog, rule, index, facts, faults))) {
    const place = `${binding.template}.${binding.parameter}`
    const first = learned.get(place)
    if (first === undefined) learned.set(place, binding)
    else if (first.kind !== binding.kind) faults.push(conflict(first, binding))
  }
  const kinds: Record<string, Record<string, ParameterKind>> = {}
  for (const { template, parameter, kind } of learned.values()) (kinds[template] ??= {})[parameter] = kind
  return { kinds, faults }
}

const conflict = (first: Binding, second: Binding): CatalogFault => ({
  code: 'parameter-kind-conflict',
  path: second.path,
  message: `parameter "${second.parameter}" of template "${second.template}" is ${second.kind} here, but ${first.kind} in ${first.path}: bind it to columns of one kind`,
})

function bindingsOf(
  catalog: Catalog,
  rule: RuleJson,
  position: number,
  facts: ReadonlyMap<string, TableFacts>,
  faults: CatalogFault[],
): Binding[] {
  return rule.fences.flatMap((target, index) => {
    if (!('with' in target)) return []
    const places = placesOf(catalog, target)
    return Object.entries(target.with).flatMap(([parameter, source]) => {
      const place = placeIn('rules', position, 'fences', index, 'with', parameter)
      const kind = kindOf(catalog.json, rule, source, facts)
      if (typeof kind === 'object') faults.push({ code: 'parameter-type', path: place, message: kind.fault })
      if (typeof kind !== 'string') return []
      return places(parameter).map((bound) => ({ ...bound, kind, path: place }))
    })
  })
}

/** Which templates' parameters a target's parameter stands for: a wildcard's stand at the same positions in all that it governs. */
function placesOf(
  catalog: Catalog,
  target: { readonly key: string } | { readonly wildcard: string },
): (parameter: string) => { template: string; parameter: string }[] {
  if ('key' in target) return (parameter) => (parameter === QUERY ? [] : [{ template: target.key, parameter }])
  const wildcard = parseWildcard(target.wildcard)
  const governed = [...catalog.templates.values()].filter(({ template }) => wildcardGoverns(wildcard, template))
  return (parameter) => {
    const position = wildcard.parameters.indexOf(parameter)
    return governed.flatMap(({ name, template }) => {
      const own = template.parameters[position]
      return position === -1 || own === undefined ? [] : [{ template: name, parameter: own }]
    })
  }
}

/** Undefined: the column or table is missing, which is another fault. */
function kindOf(
  json: CatalogJson,
  rule: RuleJson,
  source: string,
  facts: ReadonlyMap<string, TableFacts>,
): ParameterKind | { readonly fault: string } | undefined {
  const emitted = 'event' in rule.on ? json.events?.[rule.on.event] : undefined
  if (emitted !== undefined) {
    const type = emitted.parameters[source]
    return type && parameterKindOf(type)
  }
  const table = 'table' in rule.on ? rule.on.table : tableOfEvent(json, rule.on.event)
  const declared = table === undefined ? undefined : json.tables[table]
  if (declared?.from?.types !== undefined) {
    const type = declared.from.types[source]
    return type && parameterKindOf(type)
  }
  const name = declared?.columns[source]
  const column = table === undefined || name === undefined ? undefined : facts.get(table)?.columns.get(name)
  if (column === undefined) return undefined
  return (
    column.kind ?? {
      fault: `"${column.name}" of ${table ?? ''} is ${column.typeName}; a key's parameter is an int2, int4, int8, uuid, text, varchar, bool, date or enum`,
    }
  )
}

const tableOfEvent = (json: CatalogJson, event: string): string | undefined =>
  Object.entries(json.tables).find(([, table]) => table.events?.[event] !== undefined)?.[0]
