import { createHash } from 'node:crypto'
import { escapeQueryPart } from './escape.js'
import { UnencodableParameterError, type Scalar } from './parameter.js'

/** One named value of a query; `undefined` is the same as leaving the name out. */
export type QueryValue = Scalar | null | undefined | readonly (Scalar | null)[]

/** What a `{query}` parameter takes: filters, pages, orders. */
export type Query = Readonly<Record<string, QueryValue>>

/** A longer text is replaced by its digest, so that keys stay short. */
const LONGEST_TEXT = 200

/**
 * The one text of a query, whatever the order of its names. Different queries never share a text, except that scalars
 * of the same text are the same (`1` and `'1'`).
 *
 * `name=value` joined by `&`, sorted by name; null is a name without `=`; an array is `+` and each element followed by
 * `,`, a null element being `+`; an empty name is `%`. Over 200 characters: `~` and the SHA-256 in hexadecimal digits.
 *
 * Throws UnencodableParameterError for numbers that are not finite, and for values that are no scalars.
 *
 * @example canonicalQuery({ status: 'active', page: 2, tag: ['a', ''] }) // 'page=2&status=active&tag=+a,,'
 */
export function canonicalQuery(query: Query): string {
  const parts: string[] = []
  for (const name of Object.keys(query).sort()) {
    const value = query[name]
    if (value !== undefined) parts.push(queryPart(name, value))
  }
  const text = parts.join('&')
  return text.length > LONGEST_TEXT ? `~${createHash('sha256').update(text).digest('hex')}` : text
}

function queryPart(name: string, value: Exclude<QueryValue, undefined>): string {
  const escapedName = name === '' ? '%' : escapeQueryPart(name)
  if (value === null) return escapedName
  if (!isArray(value)) return `${escapedName}=${queryScalar(name, value)}`
  const elements = value.map((element) => (element === null ? '+,' : `${queryScalar(name, element)},`))
  return `${escapedName}=+${elements.join('')}`
}

function queryScalar(name: string, value: Scalar): string {
  if (typeof value === 'string') return escapeQueryPart(value)
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new UnencodableParameterError(`query.${name}`, String(value), 'a finite number')
  if (!['number', 'bigint', 'boolean'].includes(typeof value))
    throw new UnencodableParameterError(`query.${name}`, typeof value, 'a scalar, null, or an array of these')
  return escapeQueryPart(String(value))
}

const isArray = (value: Exclude<QueryValue, undefined | null>): value is readonly (Scalar | null)[] =>
  Array.isArray(value)
