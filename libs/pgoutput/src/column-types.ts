import { dateText, timestampText, timeText } from './calendar.js'
import { numericText } from './numeric.js'

/** A column's value: int2 and int4 as number, int8 as decimal text, bool as boolean, everything else as Postgres' text. */
export type ColumnValue = string | number | boolean | null

/** Reads one value that lies in `bytes` from `start` to `end`. */
export type ValueReader = (bytes: Buffer, start: number, end: number) => ColumnValue

const utf8: ValueReader = (bytes, start, end) => bytes.toString('utf8', start, end)
const ascii: ValueReader = (bytes, start, end) => bytes.toString('latin1', start, end)

/** Decimal ASCII digits, without a string in between. */
const smallInteger: ValueReader = (bytes, start, end) => {
  const negative = bytes[start] === 0x2d
  let value = 0
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + (bytes[at] ?? 0) - 0x30
  return negative ? -value : value
}

const oid = {
  bool: 16,
  bytea: 17,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const

const uuidText = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`

const textReaders: ReadonlyMap<number, ValueReader> = new Map([
  [oid.bool, (bytes, start) => bytes[start] === 0x74],
  [oid.int2, smallInteger],
  [oid.int4, smallInteger],
  [oid.int8, ascii],
  [oid.uuid, ascii],
])

const binaryReaders: ReadonlyMap<number, ValueReader> = new Map([
  [oid.bool, (bytes, start) => bytes[start] === 1],
  [oid.int2, (bytes, start) => bytes.readInt16BE(start)],
  [oid.int4, (bytes, start) => bytes.readInt32BE(start)],
  [oid.int8, (bytes, start) => bytes.readBigInt64BE(start).toString()],
  [oid.uuid, (bytes, start) => uuidText(bytes.toString('hex', start, start + 16))],
  [oid.oid, (bytes, start) => String(bytes.readUInt32BE(start))],
  [oid.bytea, (bytes, start, end) => `\\x${bytes.toString('hex', start, end)}`],
  [oid.numeric, (bytes, start) => numericText(bytes, start)],
  [oid.time, (bytes, start) => timeText(Number(bytes.readBigInt64BE(start)))],
  [oid.timestamp, (bytes, start) => timestampText(bytes.readBigInt64BE(start), '')],
  [oid.timestamptz, (bytes, start) => timestampText(bytes.readBigInt64BE(start), '+00')],
  [oid.date, (bytes, start) => dateText(bytes.readInt32BE(start))],
  [oid.jsonb, (bytes, start, end) => bytes.toString('utf8', start + 1, end)], // behind a version byte
  [oid.name, utf8],
  [oid.text, utf8],
  [oid.varchar, utf8],
  [oid.bpchar, utf8],
  [oid.json, utf8],
])

/** How a value of this type comes as text; any type can. */
export const textReader = (typeOid: number): ValueReader => textReaders.get(typeOid) ?? utf8

/**
 * How a value of this type comes in binary, as the text that Postgres prints under ISO dates and UTC; undefined: only its
 * text form can be read (types of extensions, enums, floating point numbers).
 */
export const binaryReader = (typeOid: number): ValueReader | undefined => binaryReaders.get(typeOid)
