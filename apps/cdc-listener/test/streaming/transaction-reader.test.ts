import { encodeEmittedEvent } from '@freshet/events'
import { partitionOf, type OutgoingRecord } from '@freshet/kafka'
import { decodeMessage, encodeMessage, encodeTuple, lsn, xid, type Message, type TupleColumn } from '@freshet/pgoutput'
import { beforeEach, describe, expect, it } from 'vitest'
import type { TopicLayout } from '../../src/streaming/topic-layout.js'
import { TransactionReader, type UnusableMessage } from '../../src/streaming/transaction-reader.js'
import type { WatchedTable } from '../../src/watched-tables.js'
import { changeOf, eventOf, layoutOf, members, partitions, watching } from './members.js'

let layout: TopicLayout
let reader: TransactionReader
let records: OutgoingRecord[]
let unusable: UnusableMessage[]

beforeEach(async () => {
  layout = await layoutOf('member', 'invoice', 'visit')
  records = []
  unusable = []
  reader = new TransactionReader('freshet/test/db', 'test', xid(0x7_0000_0001n), {
    layout,
    onRecord: (record) => records.push(record),
    onUnusableMessage: (message) => unusable.push(message),
  })
  reader.watch(watching(members))
})

const oid = 7
const row = (...values: (string | null | undefined)[]) =>
  encodeTuple(
    values.map((value): TupleColumn =>
      value === undefined
        ? { kind: 'unchanged' }
        : value === null
          ? { kind: 'null' }
          : { kind: 'text', bytes: Buffer.from(value) },
    ),
  )
const relation: Message = {
  kind: 'relation',
  oid,
  schema: 'public',
  name: 'members',
  replicaIdentity: 'index',
  columns: [
    { name: 'id', isIdentity: true, typeOid: 23, typeModifier: -1 },
    { name: 'organization_id', isIdentity: true, typeOid: 20, typeModifier: -1 },
    { name: 'name', isIdentity: false, typeOid: 25, typeModifier: -1 },
    { name: 'status', isIdentity: false, typeOid: 25, typeModifier: -1 },
  ],
}
const insert = (...values: Parameters<typeof row>): Message => ({
  kind: 'insert',
  relationOid: oid,
  new: row(...values),
})
const remove = (...values: Parameters<typeof row>): Message => ({
  kind: 'delete',
  relationOid: oid,
  old: { extent: 'identity', tuple: row(...values) },
})

/** What the stream brings, as bytes and back. */
const take = (...messages: Message[]): void => {
  for (const message of messages) reader.read(decodeMessage(encodeMessage(message)))
}
const at = Date.UTC(2026, 10, 24)
const transaction = (...messages: Message[]): void =>
  take({ kind: 'begin', finalLsn: lsn(1000n), at, xid32: 5 }, ...messages, {
    kind: 'commit',
    commitLsn: lsn(1000n),
    endLsn: lsn(1048n),
    at,
  })

describe('a change', () => {
  it('carries its commit: the position behind the commit record, the 64-bit xid, its place', () => {
    transaction(relation, insert('1', '10', 'Ada', 'active'), insert('2', '10', 'Bob', 'active'))
    expect(records.map((record) => changeOf(record).commit)).toEqual([
      { lsn: 1001n, xid: 0x7_0000_0005n, at, index: 0 },
      { lsn: 1001n, xid: 0x7_0000_0005n, at, index: 1 },
    ])
    expect(records[0]?.headers).toMatchObject({ xid: String(0x7_0000_0005n), lsn: '1001' })
    expect(reader.position).toBe(1048n)
  })

  it('of an insert has the watched columns alone, under its key, on the partition that Java would choose', () => {
    transaction(relation, insert('1', '10', 'Ada', 'active'))
    const [record] = records
    expect(record).toMatchObject({ topic: 'member.changes.v1', key: '1', partition: partitionOf('1', partitions) })
    expect(changeOf(record as OutgoingRecord)).toMatchObject({
      table: 'public.members',
      operation: 'insert',
      key: { id: 1 },
      new: { id: 1, organization_id: '10', status: 'active' },
    })
  })

  it('of an update without an old tuple has the identity as it was, and does not guess what else changed', () => {
    transaction(relation, { kind: 'update', relationOid: oid, new: row('1', '10', 'Ada', 'left') })
    const change = changeOf(records[0] as OutgoingRecord)
    expect(change).toMatchObject({ operation: 'update', old: { id: 1, organization_id: '10' } })
    expect(change.changed).toBeUndefined()
  })

  it('of an unchanged TOAST value leaves it out, and knows then that it did not change', () => {
    transaction(relation, {
      kind: 'update',
      relationOid: oid,
      old: { extent: 'identity', tuple: row('1', '10', null, null) },
      new: row('1', '11', 'Ada', undefined),
    })
    const change = changeOf(records[0] as OutgoingRecord)
    expect(change.new).toEqual({ id: 1, organization_id: '11' })
    expect(change.old).toEqual({ id: 1, organization_id: '10' })
    expect(change.changed).toEqual(['organization_id'])
  })

  it('of a key is one update under the new key, with both', () => {
    transaction(relation, {
      kind: 'update',
      relationOid: oid,
      old: { extent: 'identity', tuple: row('1', '10', null, null) },
      new: row('9', '10', 'Ada', 'active'),
    })
    expect(records.map(({ key }) => key)).toEqual(['9'])
    expect(changeOf(records[0] as OutgoingRecord)).toMatchObject({
      operation: 'update',
      key: { id: 9 },
      old: { id: 1 },
      new: { id: 9 },
    })
  })

  it('has the same id when it is read again while other tables are watched', () => {
    const both = [relation, insert('1', '10', 'Ada', 'a'), insert('2', '10', 'Bob', 'b')]
    const visits: Message = { ...relation, oid: 8, name: 'visits' }
    const visit: Message = { kind: 'insert', relationOid: 8, new: row('1', '1', '', '') }
    transaction(visits, visit, ...both)
    const first = records.map((record) => changeOf(record).id)
    records.length = 0
    reader.restart()
    reader.watch(watching(members, { ...members, table: 'public.visits', entity: 'visit' }))
    transaction(visits, visit, ...both)
    const again = records.filter(({ topic }) => topic.startsWith('member.')).map((record) => changeOf(record).id)
    expect(again).toEqual(first)
    expect(new Set(records.map((record) => changeOf(record).id)).size).toBe(3)
  })

  it('of a table that nobody watches, or no longer, is no record', () => {
    reader.watch(watching())
    transaction(relation, insert('1', '10', 'Ada', 'active'))
    expect(records).toEqual([])
    reader.watch(watching(members)) // known by its earlier description
    transaction(insert('2', '10', 'Bob', 'active'))
    expect(records.map(({ key }) => key)).toEqual(['2'])
  })

  it('of a key-less table has no key and stands on partition 0', () => {
    reader.watch(watching({ ...members, keyColumns: [] }))
    transaction(relation, insert('1', '10', 'Ada', 'active'))
    expect(records.map(({ key, partition }) => [key, partition])).toEqual([[null, 0]])
    expect(changeOf(records[0] as OutgoingRecord).key).toBeNull()
  })

  it('that empties a table stands once on every partition, under one id', () => {
    transaction(relation, { kind: 'truncate', relationOids: [oid], cascade: false, restartIdentity: false })
    expect(records.map(({ key, partition }) => [key, partition])).toEqual([
      [null, 0],
      [null, 1],
      [null, 2],
    ])
    expect(new Set(records.map((record) => changeOf(record).id)).size).toBe(1)
    expect(changeOf(records[0] as OutgoingRecord).operation).toBe('truncate')
  })
})

describe("a partitioned table's row", () => {
  const partitioned: WatchedTable = { ...members, partitioned: true }
  const operations = () => records.map((record) => changeOf(record).operation)
  beforeEach(() => reader.watch(watching(partitioned)))

  it('that moves to another leaf is one update, though the new leaf describes its root in between', () => {
    transaction(relation, remove('1', '10', null, null), relation, insert('1', '11', 'Ada', 'active'))
    expect(operations()).toEqual(['update'])
    expect(changeOf(records[0] as OutgoingRecord)).toMatchObject({
      old: { id: 1, organization_id: '10' },
      new: { id: 1, organization_id: '11', status: 'active' },
    })
  })

  it.each([
    ['another key follows', [remove('1', '10', null, null), insert('2', '10', 'Bob', 'a')], ['delete', 'insert']],
    ['another delete follows', [remove('1', '10', null, null), remove('2', '10', null, null)], ['delete', 'delete']],
    ['nothing follows', [remove('1', '10', null, null)], ['delete']],
    [
      'something lies between',
      [
        remove('1', '10', null, null),
        { kind: 'insert', relationOid: 99, new: row('1') },
        insert('1', '11', 'Ada', 'a'),
      ] satisfies Message[],
      ['delete', 'insert'],
    ],
  ] as const)('that is deleted stays a delete where %s', (_case, messages, expected) => {
    transaction(relation, ...messages)
    expect(operations()).toEqual(expected)
  })

  it('of an ordinary table stays a delete and an insert', () => {
    reader.watch(watching(members))
    transaction(relation, remove('1', '10', null, null), insert('1', '11', 'Ada', 'active'))
    expect(operations()).toEqual(['delete', 'insert'])
  })
})

describe('a mapped event', () => {
  const whole: WatchedTable = { ...members, oldColumns: ['id', 'organization_id', 'status'] }
  const full: Message = { ...relation, replicaIdentity: 'full' }
  const update = (before: string, after: string): Message => ({
    kind: 'update',
    relationOid: oid,
    old: { extent: 'row', tuple: row('1', '10', 'Ada', before) },
    new: row('1', '10', 'Ada', after),
  })
  const events = () => records.filter(({ topic }) => topic === 'member.events.v1').map(eventOf)
  beforeEach(() => reader.watch(watching(whole)))

  it('is said when its column becomes the value, and not when it stays so or was inserted otherwise', () => {
    transaction(full, update('active', 'left'), update('left', 'left'), update('left', 'active'))
    transaction(insert('2', '10', 'Bob', 'left'), insert('3', '10', 'Cy', 'active'))
    expect(events().map(({ name, key, values, emitted }) => ({ name, key, values, emitted }))).toEqual([
      { name: 'member.left', key: { id: 1 }, values: { id: 1 }, emitted: false },
      { name: 'member.left', key: { id: 2 }, values: { id: 2 }, emitted: false },
    ])
    expect(events()[0]?.id).toBe('freshet/test/db/1001/0/member.left')
  })

  it('is not guessed where the old value is unknown', () => {
    transaction(relation, { kind: 'update', relationOid: oid, new: row('1', '10', 'Ada', 'left') })
    expect(events()).toEqual([])
  })
})

describe('an emitted event', () => {
  const message = (content: string, options: { prefix?: string; transactional?: boolean } = {}): Message => ({
    kind: 'message',
    transactional: options.transactional ?? true,
    lsn: lsn(990n),
    prefix: options.prefix ?? 'freshet:test',
    content: Buffer.from(content),
  })
  const voided = encodeEmittedEvent({ event: 'invoice.voided', parameters: { memberId: 42n } })

  it("goes to its entity's events with the transaction that it belongs to", () => {
    transaction(message(voided))
    expect(records[0]).toMatchObject({ topic: 'invoice.events.v1', key: null, partition: 0 })
    expect(eventOf(records[0] as OutgoingRecord)).toMatchObject({
      name: 'invoice.voided',
      emitted: true,
      values: { memberId: '42' },
      commit: { lsn: 1001n, xid: 0x7_0000_0005n },
    })
  })

  it('of another namespace is none of ours', () => {
    transaction(message(voided, { prefix: 'freshet:other' }), message('x', { prefix: 'pg_dump' }))
    expect([records, unusable]).toEqual([[], []])
  })

  it('that no catalog declares, or that was emitted outside its transaction, is told and harmless', () => {
    transaction(message(encodeEmittedEvent({ event: 'invoice.sent', parameters: {} })))
    take(message(voided, { transactional: false }))
    expect(records).toEqual([])
    expect(unusable.map(({ lsn: place, harmless }) => [place, harmless])).toEqual([
      [1001n, true],
      [990n, true],
    ])
  })

  it('that cannot be read is told as a possible loss', () => {
    transaction(message('{'))
    expect(unusable).toMatchObject([{ lsn: 1001n, harmless: false }])
  })
})
