import { QUERY, wildcardGoverns, parseWildcard } from '@freshet/cache-keys'
import type { Catalog } from '../compiled.js'
import type { Fault } from '../fault.js'
import type { RuleJson } from '../json.js'
import { strayPlaceholders } from '../sql-load.js'
import { pathText } from './path.js'

/** Doubts about a valid catalog. */
export function warningsOf(catalog: Catalog): readonly Fault[] {
  return [
    ...unruledEvents(catalog),
    ...unfencedTemplates(catalog),
    ...warmQueries(catalog),
    ...unheardRules(catalog),
    ...unusedParameters(catalog),
  ]
}

function unruledEvents({ json }: Catalog): readonly Fault[] {
  const touches = (table: string, events: readonly string[]) => (rule: RuleJson) =>
    'table' in rule.on ? rule.on.table === table : events.includes(rule.on.event)
  return Object.entries(json.tables)
    .filter(([name, { events }]) => events && !json.rules.some(touches(name, Object.keys(events))))
    .map(([name]) => ({
      code: 'event-without-rule',
      path: pathText(['tables', name, 'events']),
      message: `"${name}" has events, but none of its changes fences anything`,
      fix: 'say which keys its changes make wrong, unless no cached value rests on it',
    }))
}

function unfencedTemplates(catalog: Catalog): readonly Fault[] {
  const targets = catalog.json.rules.flatMap((rule) => rule.fences)
  const derived = new Set(catalog.json.derivations?.map(({ template }) => template))
  return [...catalog.templates.values()]
    .filter(
      ({ name, template }) =>
        !derived.has(name) &&
        !targets.some((target) => {
          if ('wildcard' in target) return wildcardGoverns(parseWildcard(target.wildcard), template)
          return ('key' in target ? target.key : target.template) === name
        }),
    )
    .map(({ name, template }) => ({
      code: 'template-unfenced',
      path: pathText(['templates', name]),
      message: `no rule fences "${template.text}": its values are only as true as their ttl`,
      fix: 'add a rule for the tables it is read from, unless its loader reads cached values only, whose tags it inherits',
    }))
}

const warmQueries = (catalog: Catalog): readonly Fault[] =>
  [...catalog.templates.values()]
    .filter(({ warm, template }) => warm && template.parameters.includes(QUERY))
    .map(({ name, template }) => ({
      code: 'warm-with-query',
      path: pathText(['templates', name, 'warm']),
      message: `"${template.text}" has a {query}, which no change binds: the warmer never refills it`,
    }))

const unusedParameters = ({ json, templates }: Catalog): readonly Fault[] =>
  [...templates.values()].flatMap(({ name, template }) => {
    const load = json.templates[name]?.load
    return (load ? strayPlaceholders(load, template).unused : []).map((parameter) => ({
      code: 'load-parameter-unused' as const,
      path: pathText(['templates', name, 'load', 'sql']),
      message: `{${parameter}} of "${template.text}" is not in it: keys that differ by it get the same value`,
    }))
  })

const unheardRules = ({ json }: Catalog): readonly Fault[] =>
  json.rules.flatMap(({ on }, index) => {
    if (!('table' in on) || !json.tables[on.table]?.appendOnly) return []
    if (on.operations === undefined || on.operations.includes('insert')) return []
    return [
      {
        code: 'append-only-rule',
        path: pathText(['rules', index, 'on', 'operations']),
        message: `"${on.table}" is append-only: its updates and deletes are not published, so that this rule never acts`,
      },
    ]
  })
