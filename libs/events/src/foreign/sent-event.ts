import type { ColumnValue } from '../values.js'
import { UnreadableRecordError } from '../unreadable.js'
import { isObject } from '../is-object.js'
import { parseForeignJson } from './foreign-json.js'

/** An event that a service sent straight to a topic. */
export interface SentEvent {
  readonly name: string
  /** Those that have a scalar value; nested ones and null are left out, and count as unknown. */
  readonly parameters: Readonly<Record<string, NonNullable<ColumnValue>>>
}

/**
 * Reads an event: a CloudEvent, structured (`specversion` and `type` in the body) or binary (`ce_type` among the headers),
 * or a plain JSON object of the parameters where the topic is declared for one event only. Undefined for a tombstone, and
 * for a CloudEvent of another type.
 *
 * Throws UnreadableRecordError.
 */
export function readSentEvent(
  value: Buffer | null,
  headers: Readonly<Record<string, string>>,
  declared: readonly string[],
  topic: string,
): SentEvent | undefined {
  if (value === null) return undefined
  const json = parseForeignJson(value, topic)
  if (!isObject(json)) throw new UnreadableRecordError('wrong-shape', 'no object', topic)
  const isStructured = 'specversion' in json
  const name = isStructured ? json['type'] : (headers['ce_type'] ?? (declared.length === 1 ? declared[0] : undefined))
  if (typeof name !== 'string')
    throw new UnreadableRecordError(
      'wrong-shape',
      `which event it is cannot be told: the topic carries ${declared.join(', ')}; send CloudEvents, with their type`,
      topic,
    )
  if (!declared.includes(name)) return undefined
  const parameters = isStructured ? json['data'] : json
  if (!isObject(parameters)) throw new UnreadableRecordError('wrong-shape', 'data: no object', topic)
  return { name, parameters: scalarsOf(parameters) }
}

const isScalar = (value: unknown): value is NonNullable<ColumnValue> =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

const scalarsOf = (values: Readonly<Record<string, unknown>>): SentEvent['parameters'] =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (isScalar(value) ? [[name, value] as const] : [])),
  )
