import { bindKey } from '@freshet/cache-keys'
import { governingTags, type Catalog } from '@freshet/catalog'
import { createPlanner, type Cause, type Change, type Fence, type Planner } from '@freshet/planner'
import type { TemplateName } from '../catalog.js'
import type { KnownKey } from './known-keys.js'

/** What a rule that names single keys has to reach. */
export const PRECISION_FLOOR = 0.9

/** How many cached keys were fenced, and how many of those had become wrong. */
export interface Figures {
  readonly fenced: number
  readonly fencedAndAltered: number
  /** The others, by the kind of write that fenced them for nothing. */
  readonly forNothing: ReadonlyMap<string, number>
}

/** Is added to, one write after the other. */
class Count implements Figures {
  fenced = 0
  fencedAndAltered = 0
  readonly forNothing = new Map<string, number>()

  add(fenced: readonly KnownKey[], altered: ReadonlySet<KnownKey>, kind: string): void {
    const right = fenced.filter((key) => altered.has(key)).length
    this.fenced += fenced.length
    this.fencedAndAltered += right
    const wrong = fenced.length - right
    if (wrong > 0) this.forNothing.set(kind, (this.forNothing.get(kind) ?? 0) + wrong)
  }
}

/** One target of one rule, or what derivations add to it. */
export interface RuleFigures {
  readonly rule: string
  /** The target's pattern, or the templates on the way to a derived one. */
  readonly fences: string
  readonly sort: 'exact key' | 'wildcard' | 'template' | 'derived'
  readonly figures: Figures
}

export interface TemplateFigures {
  readonly template: TemplateName
  /** Keys that had become wrong, fenced or not. */
  readonly altered: number
  readonly figures: Figures
}

/** What the rules did to the keys of one write: the changes as the listener publishes them. */
export interface MeasuredWrite {
  readonly kind: string
  readonly changes: readonly Change[]
  readonly altered: readonly KnownKey[]
}

type RuleCount = RuleFigures & { readonly figures: Count }

/**
 * Counts, write by write, which of some cached keys the rules fenced and which had become wrong: recall is the part of
 * the wrong that was fenced, precision the part of the fenced that was wrong.
 */
export class Precision {
  readonly #planner: Planner
  readonly #keysOf: ReadonlyMap<string, readonly KnownKey[]>
  readonly #rules = new Map<string, RuleCount>()
  readonly #templates: readonly { readonly template: TemplateName; altered: number; readonly figures: Count }[]

  constructor(
    private readonly catalog: Catalog,
    keys: readonly KnownKey[],
  ) {
    this.#planner = createPlanner([catalog])
    const tagged = keys.flatMap((key) => tagsOf(catalog, key).map((tag) => ({ tag, key })))
    this.#keysOf = new Map(
      [...Map.groupBy(tagged, ({ tag }) => tag)].map(([tag, each]) => [tag, each.map(({ key }) => key)]),
    )
    const templates = new Set(keys.map(({ template }) => template))
    this.#templates = [...templates].map((template) => ({ template, altered: 0, figures: new Count() }))
  }

  /** Counts one write; returns the keys that it fenced. */
  add({ kind, changes, altered }: MeasuredWrite): ReadonlySet<KnownKey> {
    const wrong = new Set(altered)
    const all = new Set<KnownKey>()
    const byRule = new Map<Count, Set<KnownKey>>()
    for (const fence of changes.flatMap((change) => this.#planner.planChange(change).fences))
      for (const key of this.#keysOf.get(identityOf(fence.tag)) ?? []) {
        all.add(key)
        for (const cause of fence.because) {
          const { figures } = this.#ruleOf(fence, cause)
          byRule.set(figures, (byRule.get(figures) ?? new Set()).add(key))
        }
      }
    for (const [figures, fenced] of byRule) figures.add([...fenced], wrong, kind)
    for (const counted of this.#templates) {
      const isOfIt = ({ template }: KnownKey): boolean => template === counted.template
      counted.figures.add([...all].filter(isOfIt), wrong, kind)
      counted.altered += altered.filter(isOfIt).length
    }
    return all
  }

  get rules(): readonly RuleFigures[] {
    return [...this.#rules.values()]
  }

  get templates(): readonly TemplateFigures[] {
    return this.#templates
  }

  /** What falls short: recall below 1, a rule on single keys below the floor, or a figure that rests on nothing. */
  get faults(): readonly string[] {
    const missed = this.templates.flatMap(({ template, altered, figures: { fencedAndAltered } }) => {
      if (altered === 0) return [`no write altered a ${template}`]
      return fencedAndAltered < altered
        ? [`${altered - fencedAndAltered} altered keys of ${template} were not fenced`]
        : []
    })
    const exact = this.rules.filter(({ sort }) => sort === 'exact key')
    const imprecise = exact
      .filter(({ figures: { fenced, fencedAndAltered } }) => fencedAndAltered / fenced < PRECISION_FLOOR)
      .map(({ rule, fences }) => `the rule ${rule} on ${fences} is less precise than ${PRECISION_FLOOR}`)
    return [...missed, ...imprecise, ...(exact.length === 0 ? ['no rule fenced a single key'] : [])]
  }

  #ruleOf(fence: Fence, cause: Cause): RuleCount {
    const rule = cause.name ?? `${cause.rule}`
    const fences = cause.via?.join(' → ') ?? this.#patternOf(fence, cause)
    const known = this.#rules.get(`${rule} ${fences}`)
    if (known !== undefined) return known
    const made = { rule, fences, sort: sortOf(fence, cause), figures: new Count() }
    this.#rules.set(`${rule} ${fences}`, made)
    return made
  }

  #patternOf({ tag }: Fence, { rule }: Cause): string {
    const patterns = (this.catalog.json.rules[rule]?.fences ?? []).map((target) => {
      if ('wildcard' in target) return target.wildcard
      if ('key' in target) return this.catalog.json.templates[target.key]?.template ?? target.key
      return `*${this.catalog.json.templates[target.template]?.template}`
    })
    return patterns.find((pattern) => isOf(pattern, tag.text)) ?? tag.text
  }
}

function sortOf({ tag }: Fence, { via }: Cause): RuleFigures['sort'] {
  if (via !== undefined) return 'derived'
  if (tag.text.startsWith('*')) return 'template'
  return tag.text.endsWith('*') ? 'wildcard' : 'exact key'
}

/** Is it the pattern with its parameters bound? Escaped texts hold no ':' of their own. */
function isOf(pattern: string, text: string): boolean {
  const parts = text.split(':')
  const segments = pattern.split(':')
  return (
    parts.length === segments.length &&
    segments.every((segment, at) => /^\{\w+\}$/.test(segment) || segment === parts[at])
  )
}

const identityOf = ({ shard, text }: Fence['tag']): string => `${shard} ${text}`

/** Everything that fences a key: its own tags, and those that it inherits. */
function tagsOf(catalog: Catalog, { template, parameters, madeOf }: KnownKey): readonly string[] {
  const compiled = catalog.templates.get(template)
  if (compiled === undefined) throw new RangeError(`the catalog has no template "${template}"`)
  const own = governingTags(compiled, bindKey(compiled.template, parameters)).map(identityOf)
  return madeOf === undefined ? own : [...own, ...tagsOf(catalog, madeOf)]
}
