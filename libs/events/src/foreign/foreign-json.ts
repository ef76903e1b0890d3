import { isUtf8 } from 'node:buffer'
import { UnreadableRecordError } from '../unreadable.js'

/** `JSON.parse` hands the number's own text to its reviver (ECMAScript's source text access), which our library types lack. */
type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
const parse = JSON.parse as (text: string, reviver?: Reviver) => unknown

/**
 * Reads JSON that others wrote. A whole number that a double cannot hold becomes its decimal text: rounded, it would be
 * another key.
 *
 * Throws UnreadableRecordError.
 */
export function parseForeignJson(value: Buffer, topic: string): unknown {
  if (!isUtf8(value)) throw new UnreadableRecordError('not-json', 'the bytes are not UTF-8', topic)
  const text = value.toString('utf8')
  try {
    return /\d{16}/.test(text) ? parse(text, exact) : parse(text)
  } catch (error) {
    throw new UnreadableRecordError('not-json', error instanceof Error ? error.message : String(error), topic)
  }
}

const exact: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
    ? source
    : value
