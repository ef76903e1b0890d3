import { canonicalParameter, UnencodableParameterError, type ParameterKind, type Scalar } from './parameter.js'
import { canonicalQuery, type Query } from './query.js'
import { shardOf } from './shard.js'
import { isParameter, QUERY, type Segment, type Template } from './template.js'

/** Values for a template's parameters: a Query for `query`, a scalar for any other. */
export type BoundParameters = Readonly<Record<string, Scalar | Query>>

/** What the columns behind the parameters are, as far as it is known. */
export type ParameterKinds = Readonly<Record<string, ParameterKind>>

/** A template with its parameters bound: the name of one cached value. */
export interface BoundKey {
  readonly template: Template
  readonly text: string
  /** The bound routing prefix, `member:42`. */
  readonly routing: string
  readonly shard: number
  readonly parameters: BoundParameters
}

/**
 * Binds a template's parameters.
 *
 * Throws UnencodableParameterError when a parameter is missing or has no canonical text.
 *
 * @example bindKey(parseTemplate('member:{id}:balance'), { id: 42n }).text // 'member:42:balance'
 */
export function bindKey(template: Template, parameters: BoundParameters, kinds?: ParameterKinds): BoundKey {
  const routing = bindSegments(template.routing, 0, parameters, kinds)
  const rest = bindSegments(template.segments, template.routing.length, parameters, kinds)
  const text = template.segments.length === template.routing.length ? routing : `${routing}:${rest}`
  return { template, text, routing, shard: shardOf(routing), parameters }
}

/** The bound text of the segments from `from` on, joined by `:`. Throws UnencodableParameterError. */
export function bindSegments(
  segments: readonly Segment[],
  from: number,
  parameters: BoundParameters,
  kinds: ParameterKinds | undefined,
): string {
  let text = ''
  for (let position = from; position < segments.length; position++) {
    const segment = segments[position] as Segment
    if (position > from) text += ':'
    text += isParameter(segment) ? bindParameter(segment.parameter, parameters, kinds) : segment.literal
  }
  return text
}

function bindParameter(parameter: string, parameters: BoundParameters, kinds: ParameterKinds | undefined): string {
  const value = parameters[parameter]
  if (value === undefined) throw new UnencodableParameterError(parameter, 'missing', 'given')
  if (parameter === QUERY) {
    if (typeof value !== 'object' || value === null)
      throw new UnencodableParameterError(parameter, typeof value, 'an object of names and values')
    return canonicalQuery(value)
  }
  if (typeof value === 'object') throw new UnencodableParameterError(parameter, 'an object', 'a scalar')
  return canonicalParameter(value, kinds?.[parameter], parameter)
}
