import { isParameter, isTemplateTag, shardOf, templateTag, type Segment, type Tag } from '@freshet/cache-keys'
import type { Catalog, CompiledTemplate } from '@freshet/catalog'
import { DerivationGraph } from './derivation-graph.js'
import { derivedTargets } from './derived-targets.js'
import { bindTarget, reachedBy, targetOf, type Target } from './target.js'

/** A tag that is fenced with another, and the template whose values it governs. */
export interface DerivedTag {
  readonly tag: Tag
  readonly template: CompiledTemplate
}

/**
 * What goes with a tag that is fenced by hand, because the catalog says that it is computed from what the tag governs,
 * through any number of steps: each the narrowest that the derivation binds.
 */
export function derivedTags(catalog: Catalog, tag: Tag): readonly DerivedTag[] {
  const graph = new DerivationGraph(catalog)
  if (graph.edgeCount === 0) return []
  const derived = targetsOf(catalog, tag)
    .flatMap((target) => derivedTargets(graph, target))
    .flatMap((target) => {
      const { tags } = bindTarget(target, nothingToRead) // its segments are the tag's own texts
      return target.reaches.flatMap(({ template }) => tags.map((each) => ({ tag: each, template })))
    })
  return [...new Map(derived.map((each) => [`${each.tag.shard} ${each.tag.text}`, each])).values()]
}

const nothingToRead = (): undefined => undefined

/** The tag as rules would name it, for each template that it governs. */
function targetsOf({ templates }: Catalog, { text, shard }: Tag): readonly Target[] {
  return [...templates.values()].flatMap((template) => {
    if (isTemplateTag(text))
      return templateTag(template.template).text === text ? targetOf(undefined, 0, false, [reachedBy(template, 0)]) : []
    const isWildcard = text.endsWith(':*')
    const parts = (isWildcard ? text.slice(0, -2) : text).split(':') // what is escaped holds no ':' of its own
    const forms = isWildcard ? template.wildcards : template.exact ? [template.template] : []
    return forms.flatMap(({ segments, routing }) =>
      fits(parts, segments) && shardOf(parts.slice(0, routing.length).join(':')) === shard
        ? targetOf(parts, routing.length, isWildcard, [reachedBy(template, parts.length)])
        : [],
    )
  })
}

const fits = (parts: readonly string[], segments: readonly Segment[]): boolean =>
  parts.length === segments.length &&
  segments.every((segment, place) => isParameter(segment) || segment.literal === parts[place])
