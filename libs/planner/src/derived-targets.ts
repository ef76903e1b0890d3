import { isParameter, type Segment } from '@freshet/cache-keys'
import type { CompiledTemplate } from '@freshet/catalog'
import type { DerivationGraph } from './derivation-graph.js'
import { reachedBy, targetOf, type Source, type Target } from './target.js'

/** What stands for a parameter in the fenced keys: a text of the rule's, or where the row tells it; undefined: any. */
type Bound = string | Source | undefined

/** Keys of a template that a change makes wrong: all with these parameters. */
interface Affected {
  readonly node: number
  /** By the parameter's position in its template. */
  readonly bound: readonly Bound[]
  /** The templates on the way here, this one included. */
  readonly via: readonly string[]
}

/**
 * What is fenced with a target because it is computed from it, through any number of steps: targets of the same row, made
 * once, so that a plan walks no graph. Each template with the same parameters once, by the shortest way.
 */
export function derivedTargets(graph: DerivationGraph, target: Target): readonly Target[] {
  const waiting = target.reaches.map(({ template }) => affectedBy(graph, target, template))
  const known = new Set<string>()
  const targets: Target[] = []
  for (let at = 0; at < waiting.length; at++) {
    const from = waiting[at]
    if (from === undefined) break
    for (const { to, parameterFrom } of graph.edgesFrom(from.node)) {
      const template = graph.templates[to]
      if (template === undefined) continue
      const bound = Array.from(parameterFrom, (source) => (source === -1 ? undefined : from.bound[source]))
      const identity = JSON.stringify([to, bound.map((each) => each ?? null)])
      if (known.has(identity)) continue
      known.add(identity)
      const via = [...from.via, template.name]
      waiting.push({ node: to, bound, via })
      targets.push({ ...narrowest(template, bound), given: sourcesOf(target), via })
    }
  }
  return targets
}

function affectedBy(graph: DerivationGraph, target: Target, template: CompiledTemplate): Affected {
  const bound = template.template.segments.flatMap((segment, position): Bound[] =>
    isParameter(segment) ? [target.segments?.[position]] : [],
  )
  return { node: graph.nodeOf(template.name), bound, via: [template.name] }
}

/** A null in any of them: there is no such key, and nothing is computed from it. */
const sourcesOf = ({ segments = [] }: Target): readonly Source[] =>
  segments.filter((segment) => typeof segment === 'object')

/** The narrowest that can be fenced: the key, its longest wildcard whose parameters are bound, or the template. */
function narrowest(template: CompiledTemplate, bound: readonly Bound[]): Target {
  const { segments, parameters, routing } = template.template
  const bind = (length: number): readonly (string | Source)[] | undefined => {
    const parts = segments
      .slice(0, length)
      .map((segment: Segment) =>
        isParameter(segment) ? bound[parameters.indexOf(segment.parameter)] : segment.literal,
      )
    return parts.every((part) => part !== undefined) ? parts : undefined
  }
  const lengths = template.wildcards.map((wildcard) => wildcard.segments.length).sort((left, right) => right - left)
  for (const length of template.exact ? [segments.length, ...lengths] : lengths) {
    const parts = bind(length)
    if (parts === undefined) continue
    return targetOf(parts, routing.length, length < segments.length, [reachedBy(template, length)])
  }
  return targetOf(undefined, 0, false, [reachedBy(template, 0)])
}
