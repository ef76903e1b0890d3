import { canonicalJson } from './canonical.js'
import type { Catalog } from './compiled.js'
import type { Derivation } from './derivation.js'
import type { DeclaredEvent } from './event.js'
import { placeholdersOf } from './eviction.js'
import { CatalogInvalidError, type Fault } from './fault.js'
import type { CatalogJson, RuleJson, TargetJson } from './json.js'
import { Definition, type DeclaredKey } from './key.js'
import type { Rule } from './rule.js'
import type { DeclaredTable } from './table.js'
import type { FenceTarget } from './target.js'
import { validateCatalog } from './validate.js'
import { pathText } from './validation/path.js'

/** What a service declares. */
export interface CatalogOptions {
  /** Changes with the content: the same owner and version with other content is refused where it is registered. */
  readonly version: string
  /** By the names that rules, metrics and the JSON form use. */
  readonly keys: Readonly<Record<string, DeclaredKey>>
  /** Tables that no rule mentions, but whose records and events are wanted; those of rules are taken from them. */
  readonly tables?: readonly DeclaredTable[]
  readonly rules: readonly Rule[]
  /** Templates that are computed from others: `derived(...)`. */
  readonly derivations?: readonly Derivation[]
}

/**
 * Makes a catalog, plain JSON inside, and gives its keys their names.
 *
 * Throws CatalogInvalidError with every fault at once.
 *
 * @example catalog('members-api', { version: '1', keys, rules: [members.any.fences((m) => [keys.profile.of({ id: m.id })])] })
 */
export function catalog(owner: string, options: CatalogOptions): Catalog {
  const conflicts: Fault[] = []
  const result = validateCatalog(toJson(owner, options, conflicts))
  for (const [name, key] of Object.entries(options.keys)) {
    if (key instanceof Definition && !key.takesName(name)) conflicts.push(namedTwice(name, key.name))
  }
  const faults = [...conflicts, ...(result.faults ?? [])]
  if (result.catalog === undefined || faults.length > 0) throw new CatalogInvalidError(faults)
  for (const [name, key] of Object.entries(options.keys)) if (key instanceof Definition) key.assignName(name)
  return result.catalog
}

function toJson(owner: string, options: CatalogOptions, conflicts: Fault[]): CatalogJson {
  const tables: DeclaredTable[] = [...(options.tables ?? [])]
  const events: DeclaredEvent[] = []
  for (const { declares } of options.rules) {
    if ('table' in declares) tables.push(declares.table)
    else events.push(declares.event)
  }
  const names = new Map(Object.entries(options.keys).map(([name, key]) => [key, name]))
  const nameOf = (key: DeclaredKey) => names.get(key) ?? key.text
  return {
    format: 1,
    owner,
    version: options.version,
    tables: collect('tables', tables, conflicts),
    ...(events.length > 0 && { events: collect('events', events, conflicts) }),
    templates: Object.fromEntries(
      Object.entries(options.keys).map(([name, key]) => [name, { template: key.text, ...key.options }]),
    ),
    rules: options.rules.map((rule) => ruleJson(rule, nameOf)),
    ...(options.derivations && {
      derivations: options.derivations.map(({ key, from, with: bindings }) => ({
        template: nameOf(key),
        from: nameOf(from),
        ...(bindings && { with: bindings }),
      })),
    }),
  }
}

function collect<Json>(
  kind: 'tables' | 'events',
  declarations: readonly { readonly name: string; readonly json: Json }[],
  conflicts: Fault[],
): Record<string, Json> {
  const collected: Record<string, Json> = {}
  for (const { name, json } of declarations) {
    const before = collected[name]
    if (before !== undefined && canonicalJson(before) !== canonicalJson(json))
      conflicts.push({
        code: 'declared-twice',
        path: pathText([kind, name]),
        message: `"${name}" is declared twice, differently`,
        fix: 'declare it once and use that everywhere',
      })
    collected[name] ??= json
  }
  return collected
}

function ruleJson({ on, fences, options }: Rule, nameOf: (key: DeclaredKey) => string): RuleJson {
  const evicted = options.evict === undefined ? [] : [options.evict].flat()
  return {
    ...(options.name !== undefined && { name: options.name }),
    on,
    fences: fences.map((target) => targetJson(target, nameOf)),
    ...(evicted.length > 0 && { evict: evicted.map((key) => ({ key, with: sameNames(placeholdersOf(key)) })) }),
    ...(options.whenOldUnknown !== undefined && { whenOldUnknown: options.whenOldUnknown }),
  }
}

const targetJson = (target: FenceTarget<string>, nameOf: (key: DeclaredKey) => string): TargetJson =>
  'toJson' in target ? target.toJson(nameOf) : { key: nameOf(target.definition), with: {} }

const sameNames = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]))

const namedTwice = (name: string, other: string): Fault => ({
  code: 'declared-twice',
  path: pathText(['templates', name]),
  message: `this definition is called "${other}" in another catalog`,
  fix: 'call it the same in both, or declare it anew with key(...)',
})
