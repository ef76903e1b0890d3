import type { Tag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'
import type { Change, EmittedEvent } from './change.js'
import { emptyPlan, type Plan } from './plan.js'

/** The dependency graph of some catalogs, precompiled. Pure: the same input gives the same plan. */
export interface Planner {
  planChange(change: Change): Plan
  /** Events that no catalog declares give an empty plan. */
  planEvent(event: EmittedEvent): Plan
  /** Every template tag that rules on these tables can touch. */
  templatesOf(tables: readonly string[]): readonly Tag[]
  /** Every template tag that rules on tables or events of this entity can touch: what an unreadable record fences. */
  templatesOfEntity(entity: string): readonly Tag[]
  allTemplates(): readonly Tag[]
  /** Empty when no such catalog was given. */
  templatesOfCatalog(owner: string, version: string): readonly Tag[]
}

/** Compiles the rules of all catalogs into one planner. */
export function createPlanner(_catalogs: readonly Catalog[]): Planner {
  return {
    planChange: () => emptyPlan,
    planEvent: () => emptyPlan,
    templatesOf: () => [],
    templatesOfEntity: () => [],
    allTemplates: () => [],
    templatesOfCatalog: () => [],
  }
}
