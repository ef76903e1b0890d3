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
  /** The row lacked a value that the rule binds, so that more was fenced than it names. */
  readonly widened?: true
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

/** One plan for a batch: each tag, eviction and refresh once, each tag with the causes of all. */
export function mergePlans(plans: readonly Plan[]): Plan {
  const draft = new PlanDraft()
  for (const plan of plans) {
    for (const { tag, because } of plan.fences) for (const cause of because) draft.fence(tag, cause)
    for (const key of plan.evictions) draft.evict(key)
    for (const refresh of plan.refreshes) draft.refresh(refresh)
  }
  return draft.plan()
}

/** Collects a plan. */
export class PlanDraft {
  // One text can be two tags: keys of differently cut templates lie in different shards.
  readonly #fences = new Map<string, { tag: Tag; because: Cause[] }>()
  readonly #evictions = new Set<string>()
  readonly #refreshes = new Map<string, Refresh>()

  fence(tag: Tag, cause: Cause): void {
    const identity = `${tag.shard} ${tag.text}`
    const fence = this.#fences.get(identity)
    if (fence === undefined) this.#fences.set(identity, { tag, because: [cause] })
    else if (!fence.because.some((known) => sameCause(known, cause))) fence.because.push(cause)
  }

  evict(key: string): void {
    this.#evictions.add(key)
  }

  refresh(refresh: Refresh): void {
    this.#refreshes.set(`${refresh.owner} ${refresh.template} ${refresh.key}`, refresh)
  }

  plan(): Plan {
    return {
      fences: [...this.#fences.values()],
      evictions: [...this.#evictions],
      refreshes: [...this.#refreshes.values()],
    }
  }
}

const sameCause = (left: Cause, right: Cause): boolean =>
  left === right ||
  (left.rule === right.rule &&
    left.owner === right.owner &&
    left.version === right.version &&
    left.widened === right.widened)
