import {
  isParameter,
  parametersOf,
  parseSegments,
  QUERY,
  routingOf,
  TemplateSyntaxError,
  type Segment,
  type Template,
} from './template.js'

/** A set of keys that is fenced as one: all that begin with its bound segments, `member:{id}:*`. */
export interface Wildcard {
  readonly text: string
  /** Without the `*`. */
  readonly segments: readonly Segment[]
  readonly parameters: readonly string[]
  /** The segments whose bound text chooses the shard, as in a template. */
  readonly routing: readonly Segment[]
}

/**
 * Reads a wildcard: the beginning of a template, closed by `:*`.
 *
 * Throws TemplateSyntaxError when it does not end in `:*`, holds `{query}`, or is no beginning of a template.
 */
export function parseWildcard(text: string): Wildcard {
  if (!text.endsWith(':*')) throw new TemplateSyntaxError(text, 'a wildcard ends in ":*"')
  const segments = parseSegments(text.slice(0, -2), text)
  const parameters = parametersOf(segments)
  if (parameters.includes(QUERY)) throw new TemplateSyntaxError(text, 'a wildcard cannot hold {query}; end it before')
  return { text, segments, parameters, routing: routingOf(segments) }
}

/**
 * Does the wildcard cover the template's keys? Literals must be equal and parameters stand at the same positions
 * (their names may differ), and the wildcard must hold the whole routing prefix, so that both lie in one shard.
 */
export function wildcardGoverns(wildcard: Wildcard, template: Template): boolean {
  const { length } = wildcard.segments
  if (length >= template.segments.length || length < template.routing.length) return false
  return wildcard.segments.every((segment, position) => samePlace(segment, template.segments[position]))
}

function samePlace(left: Segment, right: Segment | undefined): boolean {
  if (right === undefined) return false
  if (isParameter(left)) return isParameter(right) && right.parameter !== QUERY
  return !isParameter(right) && left.literal === right.literal
}
