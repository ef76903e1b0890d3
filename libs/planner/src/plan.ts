import type { Scalar, Tag } from '@freshet/cache-keys'

/** What is to be done about a change, and why. */
export interface Plan {
  /** Each tag once. */
  readonly fences: readonly Fence[]
  /** Keys of other caches to delete, best effort; each once. */
  readonly evictions: readonly string[]
  /** Each key of a template once. */
  readonly refreshes: readonly Refresh[]
}

export interface Fence {
  readonly tag: Tag
  readonly because: readonly Cause[]
}

/** The rule that asked for it. */
export interface Cause {
  readonly owner: string
  readonly version: string
  /** The rule's position in its catalog. */
  readonly rule: number
  readonly name?: string
}

/** A fenced key whose template is warm and whose parameters the fence binds, all of them. */
export interface Refresh {
  readonly owner: string
  /** The template's name. */
  readonly template: string
  /** The key's text. */
  readonly key: string
  readonly parameters: Readonly<Record<string, Scalar>>
}

export const emptyPlan: Plan = { fences: [], evictions: [], refreshes: [] }

/** One plan for a batch: each tag, eviction and refresh once, with the causes of all. */
export function mergePlans(plans: readonly Plan[]): Plan {
  return plans[0] ?? emptyPlan
}
