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
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  uuid: 2950,
  jsonb: 3802,
} as const

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
  [
    oid.uuid,
    (bytes, start, end) => bytes.toString('hex', start, end).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  ],
  [oid.date, (bytes, start) => dateText(bytes.readInt32BE(start))],
  [oid.jsonb, (bytes, start, end) => bytes.toString('utf8', start + 1, end)], // behind a version byte
  [oid.text, utf8],
  [oid.varchar, utf8],
  [oid.bpchar, utf8],
  [oid.json, utf8],
])

/** Days since 2000-01-01 as ISO text, as `DateStyle = ISO` prints them. */
function dateText(days: number): string {
  if (days === 0x7fffffff) return 'infinity'
  if (days === -0x80000000) return '-infinity'
  const date = new Date((days + 10_957) * 86_400_000)
  if (Number.isNaN(date.getTime()))
    throw new RangeError(`a date ${days} days from 2000-01-01 is outside what can be printed; use the text format`)
  const year = date.getUTCFullYear()
  const monthAndDay = date.toISOString().slice(-19, -14)
  return year > 0
    ? `${String(year).padStart(4, '0')}-${monthAndDay}`
    : `${String(1 - year).padStart(4, '0')}-${monthAndDay} BC`
}

/** How a value of this type comes as text; any type can. */
export const textReader = (typeOid: number): ValueReader => textReaders.get(typeOid) ?? utf8

/** How a value of this type comes in binary; undefined: only its text form can be read. */
export const binaryReader = (typeOid: number): ValueReader | undefined => binaryReaders.get(typeOid)
