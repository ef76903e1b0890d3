import { describe, expect, it } from 'vitest'
import { readDebezium, UnreadableRecordError, type ForeignColumns } from '../../src/index.js'

const columns = (old: readonly string[]): ForeignColumns => ({
  types: new Map([
    ['id', 'int8'],
    ['member_id', 'int4'],
    ['status', 'text'],
    ['amount', undefined],
    ['on_day', 'date'],
  ]),
  old: new Set(old),
})
const whole = columns(['id', 'member_id', 'status', 'amount', 'on_day'])
const keyOnly = columns(['id'])

/** As Debezium 3.4 wrote them, save that the connector's own times are left out. */
const source = (txId: number) =>
  `{"version":"3.4.0.Final","connector":"postgresql","name":"shop","ts_ms":1795885511335,"snapshot":"false","db":"freshet","sequence":"[\\"28868328\\",\\"28868328\\"]","ts_us":1795885511335046,"ts_ns":1795885511335046000,"schema":"public","table":"payments","txId":${txId},"lsn":28868328,"xmin":null}`
const row = (status: string, onDay: number | null = 19782) =>
  `{"id":9007199254740993,"member_id":42,"status":"${status}","amount":"BNI=","on_day":${onDay}}`
const record = (op: string, before: string, after: string, from = source(758)) =>
  Buffer.from(`{"before":${before},"after":${after},"source":${from},"transaction":null,"op":"${op}"}`)
const read = (value: Buffer | null, known = whole) => readDebezium(value, known, 'shop.public.payments')
const reasonOf = (value: Buffer): string => {
  try {
    read(value)
  } catch (error) {
    if (error instanceof UnreadableRecordError) return error.reason
    throw error
  }
  return 'it could be read'
}

describe('a record of Debezium', () => {
  it('is an insert with its row and its transaction; a number beyond the doubles keeps all its digits', () => {
    expect(read(record('c', 'null', row('new')))).toEqual({
      kind: 'change',
      operation: 'insert',
      new: { id: '9007199254740993', member_id: 42, status: 'new', on_day: '2024-02-29' },
      transaction: { xid32: 758, at: 1795885511335 },
    })
  })

  it('is an update that says which columns changed, also those whose values cannot be read', () => {
    const after = row('completed').replace('BNI=', 'BNM=')
    expect(read(record('u', row('new', null), after))).toMatchObject({
      operation: 'update',
      old: { id: '9007199254740993', member_id: 42, status: 'new', on_day: null },
      changed: ['status', 'amount', 'on_day'],
    })
  })

  it('tells of an old row that the replica identity cuts only what it was told', () => {
    const cut = '{"id":1,"member_id":0,"status":null,"amount":null,"on_day":null}'
    expect(read(record('d', cut, 'null'), keyOnly)).toMatchObject({ operation: 'delete', old: { id: '1' } })
    expect(read(record('u', cut, row('new').replace('9007199254740993', '1')), keyOnly)).toMatchObject({
      old: { id: '1' },
      changed: ['member_id', 'status', 'amount', 'on_day'],
    })
  })

  it('is an update without an old row, of which nothing is known that changed', () => {
    const update = read(record('u', 'null', row('new')))
    expect(update).toMatchObject({ operation: 'update' })
    expect(update).not.toHaveProperty('old')
    expect(update).not.toHaveProperty('changed')
  })

  it('does not tell a long value that an update left alone', () => {
    const update = read(record('u', 'null', row('__debezium_unavailable_value')))
    expect(update).toMatchObject({ new: { member_id: 42 } })
    expect(update).not.toHaveProperty('new.status')
  })

  it('may carry its schema', () => {
    const value = Buffer.from(`{"schema":{"type":"struct"},"payload":${record('t', 'null', 'null').toString()}}`)
    expect(read(value)).toEqual({
      kind: 'change',
      operation: 'truncate',
      transaction: { xid32: 758, at: 1795885511335 },
    })
  })

  it('names the low half of a transaction, however it counts', () => {
    const wide = record('c', 'null', row('new'), source(2 ** 32 + 7))
    expect(read(wide)).toMatchObject({ transaction: { xid32: 7 } })
  })

  it('of a snapshot says so, and whether it is the first; one beside the stream, a tombstone and a message say nothing', () => {
    const snapshot = (state: string) => record('r', 'null', row('new'), source(758).replace('"false"', `"${state}"`))
    expect(read(snapshot('first'))).toEqual({ kind: 'snapshot', isFirst: true })
    expect(read(snapshot('first_in_data_collection'))).toEqual({ kind: 'snapshot', isFirst: true })
    expect(read(snapshot('true'))).toEqual({ kind: 'snapshot', isFirst: false })
    expect(read(snapshot('last'))).toEqual({ kind: 'snapshot', isFirst: false })
    expect(read(snapshot('incremental'))).toEqual({ kind: 'nothing' })
    expect(read(null)).toEqual({ kind: 'nothing' })
    expect(read(record('m', 'null', 'null'))).toEqual({ kind: 'nothing' })
  })

  it('reads dates as days or as text, and no day that has no text of its own', () => {
    const day = (value: string) => read(record('c', 'null', row('new').replace('19782', value)))
    expect(day('-719162')).toMatchObject({ new: { on_day: '0001-01-01' } })
    expect(day('"2024-02-29Z"')).toMatchObject({ new: { on_day: '2024-02-29' } })
    expect(day('2147483647')).not.toHaveProperty('new.on_day')
  })

  it('that is none is refused with what is wrong with it', () => {
    expect(reasonOf(Buffer.from(row('new')))).toMatch(/must not unwrap/)
    expect(reasonOf(Buffer.from('[]'))).toBe('no object')
    expect(reasonOf(Buffer.from('{'))).toMatch(/JSON/)
    expect(reasonOf(record('x', 'null', 'null'))).toMatch(/"x" is none of/)
    expect(reasonOf(record('c', 'null', 'null'))).toMatch(/a row is missing/)
  })
})
