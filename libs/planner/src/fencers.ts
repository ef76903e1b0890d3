import { shardOf, type Tag } from '@freshet/cache-keys'
import { governingTags, type Catalog, type OccasionJson } from '@freshet/catalog'
import { DerivationGraph } from './derivation-graph.js'
import type { CatalogKey } from './key-of-text.js'
import { compileRules, type CausedTarget, type EventRule, type TableRule } from './rules.js'
import type { Source, Target } from './target.js'

/** A rule that can fence a key. */
export interface Fencer {
  readonly rule: TableRule | EventRule
  /** What the rule rests on, as its catalog says it. */
  readonly on: OccasionJson
  /** Targets, its own or derived, that some row binds to a tag of the key, or that reach its template. */
  readonly targets: readonly CausedTarget[]
  /** Targets of other keys, which are widened to a wildcard of this one's where a row does not tell which. */
  readonly widening: readonly CausedTarget[]
}

/** The rules of some catalogs that can fence a key, in their order. */
export function fencersOf(catalogs: readonly Catalog[], { template, key }: CatalogKey): readonly Fencer[] {
  const tags = governingTags(template, key)
  return catalogs.flatMap((catalog) => {
    const { tableRules, eventRules } = compileRules(catalog, new DerivationGraph(catalog))
    return [...tableRules, ...eventRules]
      .flatMap((rule): readonly Fencer[] => {
        const on = catalog.json.rules[rule.index]?.on
        const targets = rule.targets.filter((target) => tags.some((tag) => canBe(target, tag)))
        const widening = rule.targets.filter(
          (target) => !targets.includes(target) && tags.some((tag) => canWidenTo(target, tag)),
        )
        return on === undefined || targets.length + widening.length === 0 ? [] : [{ rule, on, targets, widening }]
      })
      .sort((left, right) => left.rule.index - right.rule.index)
  })
}

/** Can the target come to this tag, for some row? A template's also where a row tells nothing, and by a truncate. */
export function canBe({ segments, wildcard, routingLength, reaches }: Target, tag: Tag): boolean {
  if (tag.shard === 'all') return reaches.some((reached) => reached.tag.text === tag.text)
  return segments !== undefined && wildcard === isWildcard(tag) && fits(segments, routingLength, tag)
}

/** Can it be widened to this tag? To a wildcard that ends before something that a row may not tell. */
export function canWidenTo({ segments, reaches }: Target, tag: Tag): boolean {
  if (segments === undefined || !isWildcard(tag)) return false
  const last = segments.findLastIndex((segment) => typeof segment === 'object')
  return reaches.some(({ wildcards }) =>
    wildcards.some(
      ({ length, routingLength }) => length <= last && fits(segments.slice(0, length), routingLength, tag),
    ),
  )
}

const isWildcard = ({ text, shard }: Tag): boolean => shard !== 'all' && text.endsWith(':*')

function fits(segments: readonly (string | Source)[], routingLength: number, tag: Tag): boolean {
  const parts = (isWildcard(tag) ? tag.text.slice(0, -2) : tag.text).split(':')
  return (
    segments.length === parts.length &&
    segments.every((segment, at) => typeof segment === 'object' || segment === parts[at]) &&
    shardOf(parts.slice(0, routingLength).join(':')) === tag.shard
  )
}
