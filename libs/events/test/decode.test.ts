import { parseSnapshot } from '@freshet/coherence'
import { lsn, xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decode,
  decodeEmittedEvent,
  encodeChange,
  encodeInvalidation,
  encodeEmittedEvent,
  encodeWatermark,
  namespaceMessagePrefix,
  transactionOfHeaders,
  UnreadableRecordError,
} from '../src/index.js'
import { quickChange, quickEnvelope, quickEvent, quickInvalidation } from '../src/quick.js'
import { changeData, envelope, eventData, invalidationData } from '../src/wire.js'
import { published } from './published.js'

const change = published['change-updated.v1']
if (change?.kind !== 'change') throw new Error('fixture is not a change')
const encoded = encodeChange(change)
const spoilt = (edit: (json: { data: Record<string, unknown>; [name: string]: unknown }) => void): Buffer => {
  const json = JSON.parse(encoded.value) as { data: Record<string, unknown> }
  edit(json)
  return Buffer.from(JSON.stringify(json))
}
const errorOf = (value: Buffer): UnreadableRecordError => {
  try {
    decode(value, 'member.changes.v1')
  } catch (error) {
    if (error instanceof UnreadableRecordError) return error
    throw error
  }
  throw new Error(`was read: ${value.toString()}`)
}

describe('a record that cannot be read', () => {
  it.each([
    ['bytes that are no JSON', Buffer.from('{"specversion"'), 'not-json', /JSON/],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'not-json', /UTF-8/],
    ['JSON that is no CloudEvent', Buffer.from('{"id":1}'), 'not-a-cloudevent', /specversion/],
    ['JSON that is no object', Buffer.from('[]'), 'not-a-cloudevent', /value/],
    [
      'a change whose lsn is a number',
      spoilt(({ data }) => (data.commit = { lsn: 1 })),
      'wrong-shape',
      /data\.commit\.lsn/,
    ],
    ['a change without a table', spoilt(({ data }) => delete data.table), 'wrong-shape', /data\.table/],
    ['a row with a nested value', spoilt(({ data }) => (data.new = { id: {} })), 'wrong-shape', /data\.new\.id/],
    ['a type that is neither', spoilt((json) => (json.type = 'member')), 'wrong-shape', /neither/],
  ])('%s says where it is damaged', (_name, value, fault, reason) => {
    const error = errorOf(value)
    expect(error).toMatchObject({ code: 'UNREADABLE_RECORD', fault, topic: 'member.changes.v1' })
    expect(error.reason).toMatch(reason)
  })

  it('still names its transaction by its headers', () => {
    expect(transactionOfHeaders(encoded.headers)).toEqual({ xid: change.commit.xid, lsn: change.commit.lsn })
    expect(transactionOfHeaders({ xid: '1' })).toBeUndefined()
    expect(transactionOfHeaders({ xid: '1', lsn: '-1' })).toBeUndefined()
  })
})

it('null values and types from the future are skipped', () => {
  expect(decode(null)).toEqual({ kind: 'unknown', type: undefined })
  expect(decode(spoilt((json) => (json.type = 'freshet.watermark.v2')))).toEqual({
    kind: 'unknown',
    type: 'freshet.watermark.v2',
  })
})

it('an event may be named like an operation', () => {
  const value = spoilt((json) => (json.data = { key: null, values: { id: 1 }, commit: json.data.commit }))
  expect(decode(value)).toMatchObject({ kind: 'event', name: 'member.updated' })
})

it('a key is one text, whose parts cannot be confused', () => {
  const keyOf = (key: Record<string, string | number>) => encodeChange({ ...change, key }).key
  expect(keyOf({ id: 42 })).toBe('42')
  expect(keyOf({ a: 'x:y', b: 'z' })).toBe('x%3Ay:z')
  expect(keyOf({ a: 'x', b: 'y:z' })).toBe('x:y%3Az')
  expect(keyOf({ a: '50%*\n' })).toBe('50%25%2A%0A')
})

it('what services emit comes back as they said it', () => {
  expect(namespaceMessagePrefix('default')).toBe('freshet:default')
  const content = encodeEmittedEvent({
    event: 'invoice.voided',
    parameters: { memberId: 9007199254740993n, all: true },
  })
  expect(decodeEmittedEvent(Buffer.from(content))).toEqual({
    event: 'invoice.voided',
    parameters: { memberId: '9007199254740993', all: true },
  })
  expect(() => decodeEmittedEvent('{"event":"x","parameters":{"a":{}}}')).toThrow(UnreadableRecordError)
})

it('64-bit positions survive the way through JSON', () => {
  const big = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  fc.assert(
    fc.property(big, big, fc.integer({ min: 1 }), (position, id, sequence) => {
      const { value } = encodeWatermark({
        source: 's',
        lsn: lsn(position),
        from: lsn(id),
        timeline: 1,
        systemId: '1',
        epoch: 'e',
        sequence: BigInt(sequence),
        snapshot: parseSnapshot(`${id}:${id}:`),
        databaseTime: 0,
        fingerprint: '',
      })
      expect(decode(Buffer.from(value))).toMatchObject({
        lsn: position,
        from: id,
        sequence: BigInt(sequence),
        snapshot: { xmin: xid(id) },
      })
    }),
  )
})

describe('reading quickly', () => {
  const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant({}), fc.constant([]))
  const row = fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null))) },
    { weight: 1, arbitrary: fc.dictionary(fc.string(), value) },
    { weight: 1, arbitrary: value },
  )
  const mostly = <T, U>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<U>) =>
    fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd })
  const decimal = mostly(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    fc.constantFrom('', '01', '-1', '1e3', ' 1'),
  )
  const century = { min: new Date('2000-01-01'), max: new Date('2099-12-31') }
  const instant = mostly(
    fc.date({ ...century, noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom('2026-02-30T00:00:00.000Z', '2026-01-01', '2026-01-01T24:00:00.000Z', '2026-12-31T23:59:60.000Z'),
  )
  const commit = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ lsn: decimal, xid: decimal, at: instant, index: mostly(fc.nat(), fc.double()) }),
    },
    { weight: 1, arbitrary: value },
  )
  const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
  const changes = fc.record({
    table: mostly(fc.constant('public.members'), fc.oneof(fc.constant(''), value)),
    key: orNull(row),
    old: orNull(row),
    new: orNull(row),
    changed: orNull(fc.array(fc.oneof({ weight: 9, arbitrary: fc.string() }, { weight: 1, arbitrary: value }))),
    commit,
  })
  const events = fc.record(
    { key: orNull(row), values: row, emitted: mostly(fc.boolean(), value), commit },
    { requiredKeys: ['key', 'values', 'commit'] },
  )
  const count = mostly(fc.nat(), fc.oneof(fc.constantFrom(-1, 0.5), value))
  const topic = mostly(fc.constant('member.changes.v1'), fc.oneof(fc.constant(''), value))
  const batch = mostly(fc.record({ topic, partition: count, from: decimal, to: decimal, readAt: instant }), value)
  const stamp = mostly(fc.record({ lsn: decimal, xid: decimal, at: instant }), value)
  const invalidations = fc.record(
    {
      shard: mostly(fc.oneof(fc.nat(1_023), fc.constant('all')), value),
      tags: mostly(fc.array(mostly(fc.constant('member:42:*'), value), { maxLength: 3 }), value),
      cause: mostly(fc.constantFrom('change', 'event', 'gap', 'hand'), value),
      commit: stamp,
      fencedAt: instant,
      batch,
      gap: mostly(fc.constant(undefined), fc.oneof(fc.constant('slot-lost'), value)),
    },
    { requiredKeys: ['shard', 'tags', 'cause', 'fencedAt'] },
  )
  const throughJson = (data: unknown): unknown => JSON.parse(JSON.stringify(data))

  it.each([
    ['changes', changes, quickChange, changeData],
    ['events', events, quickEvent, eventData],
    ['invalidations', invalidations, quickInvalidation, invalidationData],
  ] as const)('%s: accepts no more than the schema, with the same result', (_name, arbitrary, quick, schema) => {
    let accepted = 0
    fc.assert(
      fc.property(arbitrary, (drawn) => {
        const data = throughJson(drawn)
        const result = quick(data)
        if (result === undefined) return
        accepted += 1
        expect(schema.parse(data)).toEqual(result)
      }),
      { numRuns: 2000 },
    )
    expect(accepted).toBeGreaterThan(200)
  })

  it('envelopes: accepts no more than the schema, with the same result', () => {
    const text = fc.oneof(fc.constantFrom('a', 'member.updated', ''), value)
    const drawn = fc.record({
      specversion: fc.constantFrom('1.0', '0.3'),
      id: text,
      source: text,
      type: text,
      data: value,
    })
    fc.assert(
      fc.property(drawn, (json) => {
        if (quickEnvelope(json)) expect(envelope.parse(json)).toEqual(json)
      }),
    )
  })

  it('takes every change, event and invalidation that this version writes', () => {
    const { data } = JSON.parse(encoded.value) as { data: unknown }
    expect(quickChange(data)).toBeDefined()
    const fence = published['invalidation-batch.v1']
    if (fence?.kind !== 'invalidation') throw new Error('fixture is no invalidation')
    const written = JSON.parse(encodeInvalidation(fence).value) as { data: unknown }
    expect(quickInvalidation(written.data)).toBeDefined()
  })
})
