import type { Tag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'
import { DerivationGraph } from './derivation-graph.js'
import { canBe, canWidenTo } from './fencers.js'
import { compileRules } from './rules.js'

/** A rule that can fence a tag. */
export interface TagRule {
  readonly owner: string
  readonly version: string
  /** The rule's position in its catalog. */
  readonly rule: number
  readonly name?: string
  /** What it rests on: a table, or an event that services emit. */
  readonly source: string
  /** The event, where it rests on one. */
  readonly event?: string
}

/** Finds the rules that can fence a tag, or of them those on changes and events of one entity. */
export type TagRules = (tag: Tag, entity?: string) => readonly TagRule[]

/**
 * Prepares the rules of some catalogs. Pure: which row fenced a tag, and so which of several rules did, is not asked.
 *
 * @example tagRules([membersCatalog])({ text: 'member:42:balance', shard: 815 }, 'payment')
 */
export function tagRules(catalogs: readonly Catalog[]): TagRules {
  const all = catalogs.flatMap((catalog) => {
    const { tableRules, eventRules } = compileRules(catalog, new DerivationGraph(catalog))
    return [...tableRules, ...eventRules]
      .sort((left, right) => left.index - right.index)
      .map((rule) => ({ rule, named: named(catalog, rule) }))
  })
  return (tag, entity) =>
    all
      .filter(({ rule }) => entity === undefined || rule.entity === entity)
      .filter(({ rule }) => rule.targets.some((target) => canBe(target, tag) || canWidenTo(target, tag)))
      .map(({ named: found }) => found)
}

type Compiled = ReturnType<typeof compileRules>
type AnyRule = Compiled['tableRules'][number] | Compiled['eventRules'][number]

function named({ json }: Catalog, rule: AnyRule): TagRule {
  const on = json.rules[rule.index]?.on
  return {
    owner: rule.owner,
    version: rule.version,
    rule: rule.index,
    ...(rule.name !== undefined && { name: rule.name }),
    source: 'table' in rule ? rule.table : rule.event,
    ...(on && 'event' in on && { event: on.event }),
  }
}
