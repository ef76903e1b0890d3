import { templateTag, type Tag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'
import { DerivationGraph } from './derivation-graph.js'
import type { Change, EmittedEvent } from './change.js'
import { bindEviction } from './eviction.js'
import { applies, type RowChange } from './occasion.js'
import { emptyPlan, PlanDraft, type Plan } from './plan.js'
import { sidesOf, valueIn } from './row.js'
import { compileRules, type Effects } from './rules.js'
import { bindTarget, wholeTemplates, type Read } from './target.js'

/** The dependency graph of some catalogs, precompiled. Pure: the same input gives the same plan. */
export interface Planner {
  /**
   * What a change makes wrong. Evaluated on the old and the new row; what is unknown counts as changed, as equal, and
   * widens what is fenced. Tables that no rule mentions give an empty plan.
   */
  planChange(change: Change): Plan
  /** What an emitted event makes wrong. Events that no rule mentions give an empty plan. */
  planEvent(event: EmittedEvent): Plan
  /** Every template tag that rules on these tables can touch. */
  templatesOf(tables: readonly string[]): readonly Tag[]
  /** Every template tag that rules on tables or events of this entity can touch: what an unreadable record fences. */
  templatesOfEntity(entity: string): readonly Tag[]
  allTemplates(): readonly Tag[]
  /** How large the graph is. */
  readonly size: PlannerSize
  /** Empty when no such catalog was given. */
  templatesOfCatalog(owner: string, version: string): readonly Tag[]
}

/** The size of a dependency graph, over all catalogs. */
export interface PlannerSize {
  readonly templates: number
  readonly derivations: number
  /** What all rules fence, with all that is derived from it. */
  readonly targets: number
  /** Memory of the derivations. */
  readonly derivationBytes: number
}

/**
 * Compiles the rules of all catalogs into one planner.
 *
 * @example createPlanner([membersCatalog]).planChange({ table: 'public.members', operation: 'insert', new: { id: '42' } })
 */
export function createPlanner(catalogs: readonly Catalog[]): Planner {
  const compiled = catalogs.map((catalog) => compileRules(catalog, new DerivationGraph(catalog)))
  const graphs = compiled.map(({ graph }) => graph)
  const tableRules = compiled.flatMap((rules) => rules.tableRules)
  const eventRules = compiled.flatMap((rules) => rules.eventRules)
  const byTable = Map.groupBy(tableRules, (rule) => rule.table)
  const byEvent = Map.groupBy(eventRules, (rule) => rule.event)
  return {
    planChange(change) {
      const rules = byTable.get(change.table)
      if (rules === undefined) return emptyPlan
      const draft = new PlanDraft()
      for (const rule of rules) {
        if (!isRowChange(change)) truncated(draft, rule)
        else if (applies(rule.occasion, change))
          for (const side of sidesOf[change.operation])
            effect(draft, rule, (column) => valueIn(change, side, column, rule.occasion.key))
      }
      return draft
    },
    planEvent(event) {
      const rules = byEvent.get(event.name)
      if (rules === undefined) return emptyPlan
      const draft = new PlanDraft()
      const { parameters } = event
      for (const rule of rules)
        effect(draft, rule, (name) => (Object.hasOwn(parameters, name) ? parameters[name] : undefined))
      return draft
    },
    templatesOf: (tables) => templatesTouched(tableRules.filter((rule) => tables.includes(rule.table))),
    templatesOfEntity: (entity) =>
      templatesTouched([...tableRules, ...eventRules].filter((rule) => rule.entity === entity)),
    size: {
      templates: graphs.reduce((sum, { templates }) => sum + templates.length, 0),
      derivations: graphs.reduce((sum, { edgeCount }) => sum + edgeCount, 0),
      targets: [...tableRules, ...eventRules].reduce((sum, { targets }) => sum + targets.length, 0),
      derivationBytes: graphs.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    allTemplates: () => distinct(catalogs.flatMap(templatesOf)),
    templatesOfCatalog: (owner, version) =>
      distinct(
        catalogs.filter((catalog) => catalog.owner === owner && catalog.version === version).flatMap(templatesOf),
      ),
  }
}

const isRowChange = (change: Change): change is RowChange => change.operation !== 'truncate'

/** A truncate has no rows to tell which keys it makes wrong. */
function truncated(draft: PlanDraft, { targets }: Effects): void {
  for (const target of targets) for (const tag of wholeTemplates(target)) draft.fence(tag, target.cause)
}

function effect(draft: PlanDraft, { targets, evictions }: Effects, read: Read): void {
  for (const target of targets) {
    const { tags, widened, refills } = bindTarget(target, read)
    for (const tag of tags) draft.fence(tag, widened ? target.widenedCause : target.cause)
    for (const { template, key, parameters } of refills)
      draft.refresh({ owner: template.owner, template: template.name, key, parameters })
  }
  for (const eviction of evictions) {
    const key = bindEviction(eviction, read)
    if (key !== undefined) draft.evict(key)
  }
}

const templatesOf = (catalog: Catalog): readonly Tag[] =>
  [...catalog.templates.values()].map(({ template }) => templateTag(template))

const templatesTouched = (rules: readonly Effects[]): readonly Tag[] =>
  distinct(rules.flatMap((rule) => rule.targets).flatMap(wholeTemplates))

const distinct = (tags: readonly Tag[]): readonly Tag[] => [...new Map(tags.map((tag) => [tag.text, tag])).values()]
