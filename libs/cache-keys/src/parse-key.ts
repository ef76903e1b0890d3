import { unescapePart } from './escape.js'
import type { BoundParameters } from './key.js'
import type { Scalar } from './parameter.js'
import type { Query, QueryValue } from './query.js'
import { isParameter, QUERY, type Template } from './template.js'

/**
 * The parameters that a key's text was bound from, as text: the inverse of `bindKey`, which makes the same text of them
 * again. Keys of one text are one value, so that a loader must answer `'42'` as it answers `42`.
 *
 * Undefined for a text that is not of this template, and for a query that only its digest is left of.
 *
 * @example parseKey(parseTemplate('member:{id}:transactions:{query}'), 'member:42:transactions:page=2')
 *   // { id: '42', query: { page: '2' } }
 */
export function parseKey({ segments }: Template, text: string): BoundParameters | undefined {
  const parts = text.split(':') // escaped texts hold none of their own
  if (parts.length !== segments.length) return undefined
  const parameters: Record<string, Scalar | Query> = {}
  for (const [position, segment] of segments.entries()) {
    const part = parts[position] ?? ''
    if (!isParameter(segment)) {
      if (part !== segment.literal) return undefined
    } else if (segment.parameter === QUERY) {
      const query = parseQuery(part)
      if (query === undefined) return undefined
      parameters[QUERY] = query
    } else parameters[segment.parameter] = unescapePart(part)
  }
  return parameters
}

/** The inverse of `canonicalQuery`; undefined for a digest. */
function parseQuery(text: string): Query | undefined {
  if (text.startsWith('~')) return undefined
  if (text === '') return {}
  return Object.fromEntries(text.split('&').map(parsePart))
}

function parsePart(part: string): [name: string, value: QueryValue] {
  const end = part.indexOf('=')
  const escaped = end === -1 ? part : part.slice(0, end)
  const name = escaped === '%' ? '' : unescapePart(escaped)
  if (end === -1) return [name, null]
  const value = part.slice(end + 1)
  if (!value.startsWith('+')) return [name, unescapePart(value)]
  const elements = value.slice(1).split(',').slice(0, -1) // each is followed by a comma
  return [name, elements.map((element) => (element === '+' ? null : unescapePart(element)))]
}
