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
  /** Not by the rule itself, but by derivations: the templates from the rule's to this one. */
  readonly via?: readonly string[]
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
  const fences = new Map<string, DraftFence>()
  const evictions = new Set<string>()
  const refreshes = new Map<string, Refresh>()
  for (const plan of plans) {
    for (const { tag, because } of plan.fences) {
      // One text can be two tags: keys of differently cut templates lie in different shards.
      const identity = `${tag.shard} ${tag.text}`
      const fence = fences.get(identity)
      if (fence === undefined) fences.set(identity, { tag, because: [...because] })
      else for (const cause of because) addCause(fence, cause)
    }
    for (const key of plan.evictions) evictions.add(key)
    for (const refresh of plan.refreshes) refreshes.set(`${refresh.owner} ${refresh.template} ${refresh.key}`, refresh)
  }
  return { fences: [...fences.values()], evictions: [...evictions], refreshes: [...refreshes.values()] }
}

interface DraftFence {
  readonly tag: Tag
  readonly because: Cause[]
}

/** Collects the plan of one change: so few parts that searching them is quicker than any index. */
export class PlanDraft implements Plan {
  readonly fences: DraftFence[] = []
  readonly evictions: string[] = []
  readonly refreshes: Refresh[] = []

  fence(tag: Tag, cause: Cause): void {
    const fence = this.fences.find((known) => known.tag.shard === tag.shard && known.tag.text === tag.text)
    if (fence === undefined) this.fences.push({ tag, because: [cause] })
    else addCause(fence, cause)
  }

  evict(key: string): void {
    if (!this.evictions.includes(key)) this.evictions.push(key)
  }

  refresh(refresh: Refresh): void {
    const { owner, template, key } = refresh
    const known = this.refreshes.some(
      (other) => other.key === key && other.template === template && other.owner === owner,
    )
    if (!known) this.refreshes.push(refresh)
  }
}

function addCause({ because }: DraftFence, cause: Cause): void {
  if (!because.some((known) => sameCause(known, cause))) because.push(cause)
}

const sameCause = (left: Cause, right: Cause): boolean =>
  left === right ||
  (left.rule === right.rule &&
    left.owner === right.owner &&
    left.version === right.version &&
    left.widened === right.widened &&
    left.via?.join() === right.via?.join())
