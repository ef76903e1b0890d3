import { escapeSegment } from './escape.js'

/** A parameter's value, as services hold it. */
export type Scalar = string | number | bigint | boolean

/** What a parameter's column is; the listener learns it from the database and clients get it with the record in force. */
export type ParameterKind = 'integer' | 'uuid' | 'text' | 'boolean' | 'date'

/** A value that has no canonical text, so that no key may be made of it. */
export class UnencodableParameterError extends Error {
  readonly code = 'UNENCODABLE_PARAMETER'

  constructor(
    /** The parameter's name; `query.<name>` inside a query. */
    readonly parameter: string,
    /** What the value is: its type, or a shortened text of it. */
    readonly valueKind: string,
    wanted: string,
  ) {
    super(`Parameter "${parameter}" is ${valueKind}, but must be ${wanted}`)
    this.name = 'UnencodableParameterError'
  }
}

/**
 * The one text of a parameter: the same from a decoded row as from a JS value (`42`, `'42'`, `42n`), escaped for a key.
 *
 * With a kind also other spellings of the same value meet: `'042'`, upper-case UUIDs, `'t'`. Without one, strings are
 * taken verbatim, which is how decoded rows come.
 *
 * Throws UnencodableParameterError when the value is not of the kind, or is a number that JS cannot hold exactly.
 *
 * @example canonicalParameter('0042', 'integer') // '42'
 */
export function canonicalParameter(value: Scalar, kind?: ParameterKind, parameter = 'value'): string {
  if (kind === undefined || kind === 'text') return escapeSegment(plainText(value, parameter))
  const text = plainText(value, parameter)
  const canonical = spellings[kind](text)
  if (canonical === undefined) throw new UnencodableParameterError(parameter, quote(value), wanted[kind])
  return canonical
}

function plainText(value: Scalar, parameter: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new UnencodableParameterError(parameter, String(value), 'a safe integer')
    return String(value)
  }
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  throw new UnencodableParameterError(parameter, value === null ? 'null' : typeof value, 'a scalar')
}

const wanted = {
  integer: 'an integer',
  uuid: 'a UUID',
  boolean: 'true or false',
  date: 'a date of the form YYYY-MM-DD',
} as const

const spellings: Record<Exclude<ParameterKind, 'text'>, (text: string) => string | undefined> = {
  integer: (text) => {
    if (/^[1-9]\d*$/.test(text)) return text
    return /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')).toString() : undefined
  },
  uuid: (text) => {
    const digits = /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i.exec(text.replace(/^\{(.*)\}$/s, '$1'))?.[0]
    return digits
      ?.replaceAll('-', '')
      .toLowerCase()
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  },
  boolean: (text) => booleans.get(text.toLowerCase()),
  date: (text) => {
    const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
    return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) ? text : undefined
  },
}

const booleans = new Map([
  ['t', 'true'],
  ['true', 'true'],
  ['f', 'false'],
  ['false', 'false'],
])

const quote = (value: Scalar): string => `"${String(value).slice(0, 40)}"`
