import { parseWildcard, QUERY, wildcardGoverns, type Template } from '@freshet/cache-keys'
import type { Catalog, TargetJson } from '@freshet/catalog'
import type { KeyList } from '@freshet/cache/loaders'
import { quoteIdentifier, quoteTable } from '@freshet/postgres'

/** A template whose keys are wanted. */
export interface ListedTemplate {
  readonly owner: string
  readonly name: string
  readonly template: Template
}

/** Where the keys of a template come from. `from`: for people. */
export type KeySource = { readonly from: string } & (
  { readonly sql: string } | { readonly list: Exclude<KeyList, string> }
)

/** Why a template's keys cannot be listed, and what would help. */
export interface Unlistable {
  readonly reason: string
}

/** Columns of a table that bind all parameters of a template. */
interface Binding {
  readonly table: string
  /** Parameter -> column. */
  readonly columns: Readonly<Record<string, string>>
  readonly isTablesKey: boolean
}

/**
 * Where the keys of a template come from: its module's list, or else the rows by which the catalog's rules bind all its
 * parameters. Of several tables the one whose primary key they are: it has a row for each key there can be.
 */
export function keySourceOf(
  catalog: Catalog,
  { name, template }: ListedTemplate,
  list?: KeyList,
): KeySource | Unlistable {
  if (typeof list === 'function') return { from: `keyLists.${name}`, list }
  if (list !== undefined) return { from: `keyLists.${name}`, sql: ofQuery(template, list) }
  if (template.parameters.length === 0) return { from: 'its only key', list: () => [{}] }
  if (template.parameters.includes(QUERY))
    return { reason: `{${QUERY}} can be anything; list its keys in the loader module: ${exampleOf(name, template)}` }
  const bindings = bindingsOf(catalog, name, template.parameters)
  const chosen = bindings.some(({ isTablesKey }) => isTablesKey)
    ? bindings.filter(({ isTablesKey }) => isTablesKey)
    : bindings
  if (chosen.length === 0)
    return {
      reason: `no rule binds all its parameters to columns of one table; list its keys in the loader module: ${exampleOf(name, template)}`,
    }
  const from = chosen.map(({ table, columns }) => `${table} (${Object.values(columns).join(', ')})`).join(' and ')
  return { from, sql: chosen.map((binding) => ofTable(template, binding)).join('\nunion\n') }
}

/** By the rules on the template itself, or, for one that is derived, by those on what it is derived from. */
function bindingsOf(
  catalog: Catalog,
  name: string,
  parameters: readonly string[],
  passed: ReadonlySet<string> = new Set(),
): readonly Binding[] {
  const { json } = catalog
  const direct = directBindings(catalog, name, parameters)
  if (direct.length > 0 || passed.has(name)) return direct
  return (json.derivations ?? [])
    .filter((derivation) => derivation.template === name)
    .flatMap(({ from, with: mapping = {} }) => {
      const mapped = parameters.flatMap((parameter) => mapping[parameter] ?? [])
      if (mapped.length < parameters.length) return []
      return bindingsOf(catalog, from, mapped, new Set([...passed, name])).map(({ columns, ...binding }) => ({
        ...binding,
        columns: Object.fromEntries(parameters.map((each) => [each, columns[mapping[each] ?? ''] ?? ''])),
      }))
    })
}

function directBindings({ json, templates }: Catalog, name: string, parameters: readonly string[]): readonly Binding[] {
  const template = templates.get(name)?.template
  const found = new Map<string, Binding>()
  for (const { on, fences } of template ? json.rules : []) {
    const table = 'table' in on ? json.tables[on.table] : undefined
    if (!('table' in on) || !table || !template || table.from?.types) continue // such a table is in another database
    for (const target of fences) {
      const bound = boundBy(target, name, template)
      const aliases = parameters.flatMap((parameter) => bound[parameter] ?? [])
      if (aliases.length < parameters.length) continue
      const columns = Object.fromEntries(
        parameters.map((parameter, at) => [parameter, table.columns[aliases[at] ?? ''] ?? '']),
      )
      const isTablesKey = sameSet(aliases, table.key)
      found.set(JSON.stringify([on.table, columns]), { table: on.table, columns, isTablesKey })
    }
  }
  return [...found.values()]
}

/** Parameter -> alias. */
function boundBy(target: TargetJson, name: string, template: Template): Readonly<Record<string, string>> {
  if ('key' in target) return target.key === name ? target.with : {}
  return 'wildcard' in target ? throughWildcard(target.wildcard, target.with, template) : {}
}

/** A wildcard's parameters stand where the template's do, and may be called otherwise. */
function throughWildcard(
  text: string,
  bindings: Readonly<Record<string, string>>,
  template: Template,
): Readonly<Record<string, string>> {
  const wildcard = parseWildcard(text)
  if (!wildcardGoverns(wildcard, template)) return {}
  const bound: Record<string, string> = {}
  for (const [position, segment] of wildcard.segments.entries()) {
    const own = template.segments[position]
    const alias = 'parameter' in segment ? bindings[segment.parameter] : undefined
    if (own && 'parameter' in own && alias !== undefined) bound[own.parameter] = alias
  }
  return bound
}

/** As text: decoded rows of changes come so, and keys are made of that. */
function ofTable({ parameters }: Template, { table, columns, isTablesKey }: Binding): string {
  const each = parameters.map((parameter) => ({ parameter, column: quoteIdentifier(columns[parameter] ?? parameter) }))
  const selected = each.map(({ parameter, column }) => `${column}::text as ${quoteIdentifier(parameter)}`)
  const present = each.map(({ column }) => `${column} is not null`)
  return `select ${isTablesKey ? '' : 'distinct '}${selected.join(', ')} from ${quoteTable(table)} where ${present.join(' and ')}`
}

function ofQuery({ parameters }: Template, sql: string): string {
  const selected = parameters.map((parameter) => {
    const column = quoteIdentifier(parameter)
    return parameter === QUERY ? `${column}::jsonb as ${column}` : `${column}::text as ${column}`
  })
  const present = parameters.map((parameter) => `${quoteIdentifier(parameter)} is not null`)
  const columns = selected.length > 0 ? selected.join(', ') : '1'
  const condition = present.length > 0 ? ` where ${present.join(' and ')}` : ''
  return `select ${columns} from (${sql.trim().replace(/;+$/, '')}\n) as listed${condition}`
}

const exampleOf = (name: string, { parameters }: Template): string => {
  const columns = parameters.map((parameter) => (parameter === QUERY ? `'{}'::jsonb as query` : `… as "${parameter}"`))
  return `export const keyLists = { ${name}: \`select ${columns.join(', ')} from …\` }`
}

const sameSet = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((each) => others.includes(each))
