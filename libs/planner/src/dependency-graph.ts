import { isParameter, parseWildcard, wildcardGoverns } from '@freshet/cache-keys'
import type { Catalog, RuleJson, TargetJson } from '@freshet/catalog'

/** A table, an event or a template. */
export interface GraphNode {
  readonly id: string
  readonly kind: 'table' | 'event' | 'template'
  /** The table's or event's name, or the template's text. */
  readonly label: string
}

/** What makes what wrong. */
export interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly kind: 'rule' | 'derivation'
  /** When, and how the parameters are bound. */
  readonly label: string
}

/** What rests on what, for pictures. */
export interface DependencyGraph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

/** Tables and events of some catalogs, the templates that their rules fence, and what is derived from those. */
export function dependencyGraph(catalogs: readonly Catalog[]): DependencyGraph {
  const nodes = new Map<string, GraphNode>()
  const edges: GraphEdge[] = []
  for (const catalog of catalogs) {
    const idOf = (template: string): string => `${catalog.owner}@${catalog.version}/${template}`
    for (const { name, template } of catalog.templates.values())
      nodes.set(idOf(name), { id: idOf(name), kind: 'template', label: template.text })
    for (const rule of catalog.json.rules) {
      const from = sourceOf(rule)
      nodes.set(from.id, from)
      for (const target of rule.fences)
        for (const name of reachedBy(catalog, target))
          edges.push({ from: from.id, to: idOf(name), kind: 'rule', label: ruleLabel(rule, target) })
    }
    for (const { template, from, with: bindings = {} } of catalog.json.derivations ?? [])
      edges.push({ from: idOf(from), to: idOf(template), kind: 'derivation', label: bindingsText(bindings) || 'all' })
  }
  return { nodes: [...nodes.values()], edges }
}

function sourceOf({ on }: RuleJson): GraphNode {
  if ('table' in on) return { id: on.table, kind: 'table', label: on.table }
  return { id: on.event, kind: 'event', label: on.event }
}

function reachedBy({ templates }: Catalog, target: TargetJson): readonly string[] {
  if ('key' in target) return [target.key]
  if ('template' in target) return [target.template]
  const wildcard = parseWildcard(target.wildcard)
  return [...templates.values()].filter(({ template }) => wildcardGoverns(wildcard, template)).map(({ name }) => name)
}

function ruleLabel({ on }: RuleJson, target: TargetJson): string {
  const parts: string[] = []
  if ('table' in on) {
    if (on.operations) parts.push(on.operations.join(', '))
    if (on.changed) parts.push(`changed ${on.changed.join(', ')}`)
    for (const [alias, value] of Object.entries(on.where ?? {})) parts.push(`${alias} = ${JSON.stringify(value)}`)
  }
  parts.push('template' in target ? 'all' : 'key' in target ? bindingsText(target.with) : boundText(target))
  return parts.join('; ')
}

const bindingsText = (bindings: Readonly<Record<string, string>>): string =>
  Object.entries(bindings)
    .map(([parameter, source]) => `${parameter} = ${source}`)
    .join(', ')

const boundText = ({ wildcard, with: bindings }: Extract<TargetJson, { wildcard: string }>): string =>
  [
    ...parseWildcard(wildcard).segments.map((segment) =>
      isParameter(segment) ? `{${bindings[segment.parameter] ?? ''}}` : segment.literal,
    ),
    '*',
  ].join(':')
