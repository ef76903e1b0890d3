import { parameterKindOf, type Catalog, type OccasionJson, type RuleJson, type TableJson } from '@freshet/catalog'
import { compileEviction, type Eviction } from './eviction.js'
import type { DerivationGraph } from './derivation-graph.js'
import { derivedTargets } from './derived-targets.js'
import { occasionOf, type Occasion } from './occasion.js'
import type { Cause } from './plan.js'
import { compileTarget, type Source, type Target } from './target.js'

/** A target, and what is said where it is fenced. */
export interface CausedTarget extends Target {
  readonly cause: Cause
  readonly widenedCause: Cause
}

/** What a rule does, whatever it rests on. */
export interface Effects {
  readonly owner: string
  readonly version: string
  /** The rule's position in its catalog. */
  readonly index: number
  readonly name: string | undefined
  /** Also those that derivations add. */
  readonly targets: readonly CausedTarget[]
  readonly evictions: readonly Eviction[]
}

/** A rule on changes of a table, or on an event made of them. */
export interface TableRule extends Effects {
  readonly table: string
  readonly entity: string
  readonly occasion: Occasion
}

/** A rule on an event that services emit. */
export interface EventRule extends Effects {
  readonly event: string
  readonly entity: string
}

/** Compiles a catalog's rules. */
export function compileRules(
  catalog: Catalog,
  graph: DerivationGraph,
): { graph: DerivationGraph; tableRules: TableRule[]; eventRules: EventRule[] } {
  const tableRules: TableRule[] = []
  const eventRules: EventRule[] = []
  for (const [index, rule] of catalog.json.rules.entries()) {
    const [name, table] = tableOf(catalog, rule.on) ?? []
    if (name !== undefined && table !== undefined) {
      const sourceOf = (alias: string): Source => ({ name: table.columns[alias] ?? alias })
      const effects = compileEffects(catalog, graph, index, rule, sourceOf)
      const occasion = occasionOf(rule.on, table, boundNames(effects))
      tableRules.push({ ...effects, table: name, entity: table.entity, occasion })
    } else if ('event' in rule.on) {
      const { event } = rule.on
      const types = catalog.json.events?.[event]?.parameters ?? {}
      const sourceOf = (alias: string): Source => {
        const type = types[alias]
        return type === undefined ? { name: alias } : { name: alias, kind: parameterKindOf(type) }
      }
      const entity = event.slice(0, event.indexOf('.'))
      eventRules.push({ ...compileEffects(catalog, graph, index, rule, sourceOf), event, entity })
    }
  }
  return { graph, tableRules, eventRules }
}

/** The table that a rule rests on, also through an event that is made of its changes. */
function tableOf({ json }: Catalog, on: OccasionJson): readonly [string, TableJson] | undefined {
  return Object.entries(json.tables).find(([name, { events }]) =>
    'table' in on ? name === on.table : events !== undefined && Object.hasOwn(events, on.event),
  )
}

function compileEffects(
  catalog: Catalog,
  graph: DerivationGraph,
  index: number,
  rule: RuleJson,
  sourceOf: (alias: string) => Source,
): Effects {
  const cause: Cause = {
    owner: catalog.owner,
    version: catalog.version,
    rule: index,
    ...(rule.name !== undefined && { name: rule.name }),
  }
  const caused = (target: Target): CausedTarget => {
    const because = target.via ? { ...cause, via: target.via } : cause
    return { ...target, cause: because, widenedCause: { ...because, widened: true } }
  }
  const direct = rule.fences.map((target) => compileTarget(catalog, target, sourceOf))
  return {
    owner: catalog.owner,
    version: catalog.version,
    index,
    name: rule.name,
    targets: [...direct, ...direct.flatMap((target) => derivedTargets(graph, target))].map(caused),
    evictions: (rule.evict ?? []).map((eviction) => compileEviction(eviction, sourceOf)),
  }
}

function boundNames({ targets, evictions }: Effects): readonly string[] {
  const sources = targets.flatMap(({ segments }) => segments ?? []).filter((segment) => typeof segment === 'object')
  return [...sources, ...evictions.flatMap((eviction) => [...eviction.sources.values()])].map(({ name }) => name)
}
