import type { ColumnValue, Operation, Row } from '../values.js'
import { UnreadableRecordError } from '../unreadable.js'
import { readDebeziumValue, type ForeignColumnType } from './debezium-value.js'
import { isObject } from '../is-object.js'
import { parseForeignJson } from './foreign-json.js'

/** What of a table's rows can be read. */
export interface ForeignColumns {
  /** Declared columns by their names in the database; without a type a value cannot be read, and counts as unknown. */
  readonly types: ReadonlyMap<string, ForeignColumnType | undefined>
  /**
   * Those whose old value is to be believed. Debezium fills up an old row that the replica identity cuts: what it has not
   * been told is null there, or a default, like any other value.
   */
  readonly old: ReadonlySet<string>
}

/** The transaction of a change, as Debezium tells it. */
export interface ForeignTransaction {
  /** The low 32 bits of its id. */
  readonly xid32: number
  /** Commit time of the database, in milliseconds since 1970. */
  readonly at: number
}

/** What a record in Debezium's envelope says. */
export type DebeziumRecord =
  | {
      readonly kind: 'change'
      readonly operation: Operation
      readonly old?: Row
      readonly new?: Row
      /** Names of the columns that an update may have changed; absent = unknown. */
      readonly changed?: readonly string[]
      /** Absent where the record does not tell it. */
      readonly transaction?: ForeignTransaction
    }
  /** A row as a snapshot of the whole table found it: the connector began anew, and changes may have been missed. */
  | { readonly kind: 'snapshot'; readonly isFirst: boolean }
  /** Tombstones, heartbeats, logical messages, rows that are read once more while changes go on coming. */
  | { readonly kind: 'nothing' }

const operations: Readonly<Record<string, Operation>> = { c: 'insert', u: 'update', d: 'delete', t: 'truncate' }

/**
 * Reads a record that a Debezium connector for Postgres wrote through the JSON converter, with or without schema.
 *
 * Throws UnreadableRecordError where it is no such envelope.
 */
export function readDebezium(value: Buffer | null, columns: ForeignColumns, topic: string): DebeziumRecord {
  if (value === null) return { kind: 'nothing' }
  const envelope = envelopeOf(parseForeignJson(value, topic), topic)
  const { op, before, after, source } = envelope
  if (op === 'm') return { kind: 'nothing' }
  if (op === 'r') return snapshotRecord(source['snapshot'])
  const operation = operations[op]
  if (operation === undefined) throw wrong(`op: "${op}" is none of c, u, d, t, r and m`, topic)
  const old = rowOf(before, columns, (name) => columns.old.has(name))
  const fresh = rowOf(after, columns, () => true)
  if (fresh === undefined && (operation === 'insert' || operation === 'update'))
    throw wrong(`after: a row is missing, op is "${op}"`, topic)
  const transaction = transactionOf(source)
  return {
    kind: 'change',
    operation,
    ...(old && operation !== 'insert' && { old }),
    ...(fresh && { new: fresh }),
    ...(operation === 'update' && isObject(before) && isObject(after) && { changed: changed(before, after, columns) }),
    ...(transaction && { transaction }),
  }
}

interface Envelope {
  readonly op: string
  readonly before: unknown
  readonly after: unknown
  readonly source: Readonly<Record<string, unknown>>
}

function envelopeOf(json: unknown, topic: string): Envelope {
  const payload = isObject(json) && 'schema' in json && 'payload' in json ? json['payload'] : json
  if (!isObject(payload)) throw wrong('no object', topic)
  const { op, before, after, source } = payload
  if (typeof op !== 'string' || !isObject(source))
    throw wrong(
      "op and source are missing: this is not Debezium's envelope; the connector must not unwrap its records (ExtractNewRecordState)",
      topic,
    )
  return { op, before, after, source }
}

/** `true`, `first`, `first_in_data_collection`, `last` and so on; `incremental` reads beside the stream, which misses nothing. */
function snapshotRecord(snapshot: unknown): DebeziumRecord {
  if (snapshot === 'incremental') return { kind: 'nothing' }
  return { kind: 'snapshot', isFirst: typeof snapshot === 'string' && snapshot.startsWith('first') }
}

function transactionOf({ txId, ts_ms: at }: Envelope['source']): ForeignTransaction | undefined {
  if (typeof txId !== 'number' || !Number.isSafeInteger(txId) || txId < 0) return undefined
  if (typeof at !== 'number' || !Number.isSafeInteger(at)) return undefined
  return { xid32: txId % 2 ** 32, at }
}

function rowOf(image: unknown, { types }: ForeignColumns, isKnown: (name: string) => boolean): Row | undefined {
  if (!isObject(image)) return undefined
  const row: Record<string, ColumnValue> = {}
  for (const [name, type] of types) {
    if (!isKnown(name) || !Object.hasOwn(image, name)) continue
    const value = readDebeziumValue(image[name], type)
    if (value !== undefined) row[name] = value
  }
  return row
}

/** Compared as they came, since equal values are written equally; what is not known of the old row may have changed. */
const changed = (
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  { types, old }: ForeignColumns,
): readonly string[] =>
  [...types.keys()].filter((name) => !old.has(name) || JSON.stringify(before[name]) !== JSON.stringify(after[name]))

const wrong = (reason: string, topic: string) => new UnreadableRecordError('wrong-shape', reason, topic)
