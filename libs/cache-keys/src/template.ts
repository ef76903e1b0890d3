/** One part of a template between two colons. */
export type Segment = { readonly literal: string } | { readonly parameter: string }

/** A key with holes, `member:{id}:balance`. */
export interface Template {
  readonly text: string
  readonly segments: readonly Segment[]
  /** In the order of the text. `query` takes a Query, all others a scalar. */
  readonly parameters: readonly string[]
  /** The segments whose bound text chooses the shard: up to and with the first parameter; `{query}` never is one. */
  readonly routing: readonly Segment[]
}

/** The parameter that takes a whole query; it can only come last. */
export const QUERY = 'query'

/** A text that is no template or wildcard. */
export class TemplateSyntaxError extends Error {
  readonly code = 'TEMPLATE_SYNTAX'

  constructor(
    readonly text: string,
    readonly reason: string,
  ) {
    super(`"${text}" cannot be read as a key: ${reason}`)
    this.name = 'TemplateSyntaxError'
  }
}

/**
 * Reads a template: segments joined by `:`, each a literal of letters, digits, `.`, `_`, `-`, or one `{parameter}`.
 *
 * Throws TemplateSyntaxError when a segment is neither, a parameter comes twice, or `{query}` is not last or stands
 * alone.
 *
 * @example parseTemplate('member:{id}:balance').parameters // ['id']
 */
export function parseTemplate(text: string): Template {
  const segments = parseSegments(text, text)
  const query = segments.findIndex((segment) => isParameter(segment) && segment.parameter === QUERY)
  if (query !== -1 && query !== segments.length - 1)
    throw new TemplateSyntaxError(text, '{query} must be the last segment')
  if (query === 0) throw new TemplateSyntaxError(text, '{query} needs at least one segment before it')
  return { text, segments, parameters: parametersOf(segments), routing: routingOf(segments) }
}

/** Reads the segments of `text`; faults quote `whole`. Throws TemplateSyntaxError. */
export function parseSegments(text: string, whole: string): readonly Segment[] {
  const segments = text.split(':').map((part): Segment => {
    if (/^[a-z0-9._-]+$/i.test(part)) return { literal: part }
    const parameter = /^\{([a-z_][a-z0-9_]*)\}$/i.exec(part)?.[1]
    if (parameter !== undefined) return { parameter }
    throw new TemplateSyntaxError(
      whole,
      `segment "${part}" is neither a literal of letters, digits, ".", "_", "-" nor one {parameter}`,
    )
  })
  const parameters = parametersOf(segments)
  const twice = parameters.find((parameter, position) => parameters.indexOf(parameter) !== position)
  if (twice !== undefined) throw new TemplateSyntaxError(whole, `parameter {${twice}} comes twice`)
  return segments
}

export const isParameter = (segment: Segment): segment is { readonly parameter: string } => 'parameter' in segment

export const parametersOf = (segments: readonly Segment[]): readonly string[] =>
  segments.filter(isParameter).map((segment) => segment.parameter)

/** The text with every parameter nameless: templates or wildcards of one pattern make the same texts. */
export const patternOf = (segments: readonly Segment[]): string =>
  segments.map((segment) => (isParameter(segment) ? '{}' : segment.literal)).join(':')

/** The segments that choose the shard. */
export function routingOf(segments: readonly Segment[]): readonly Segment[] {
  const first = segments.findIndex(isParameter)
  if (first === -1) return segments
  const parameter = segments[first]
  return segments.slice(0, parameter && isParameter(parameter) && parameter.parameter === QUERY ? first : first + 1)
}
