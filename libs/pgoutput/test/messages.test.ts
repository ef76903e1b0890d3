import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeMessage,
  encodeMessage,
  lsn,
  MalformedMessageError,
  parseLsn,
  RowDecoder,
  type Delete,
  type Insert,
  type Message,
  type TupleView,
  type Update,
} from '../src/index.js'
import { anyMessage } from './arbitraries.js'
import { postgres18 } from './postgres-18.js'

/** Tuples are views of the bytes that they came in; everything else is compared as it is. */
const withoutTuples = (message: Message): unknown =>
  Object.fromEntries(
    Object.entries(message).map(([name, value]: [string, unknown]) => {
      if (name === 'new') return [name, 'tuple']
      return name === 'old' ? [name, (value as { extent: string }).extent] : [name, value]
    }),
  )

const nameOf = (message: Message): string => message.kind.charAt(0).toUpperCase() + message.kind.slice(1)

interface RowReadings {
  readonly insert: (message: Insert) => string
  readonly update: (message: Update) => string
  readonly delete: (message: Delete) => string
}

/** A row change as it is read, everything else by its kind. */
function match(message: Message, { insert, update, delete: remove }: RowReadings): string {
  if (message.kind === 'insert') return insert(message)
  if (message.kind === 'update') return update(message)
  return message.kind === 'delete' ? remove(message) : message.kind
}

function faultOf(bytes: Buffer): MalformedMessageError {
  try {
    decodeMessage(bytes)
  } catch (error) {
    if (error instanceof MalformedMessageError) return error
    throw error
  }
  throw new Error(`${bytes.toString('hex')} was read without complaint`)
}

describe('a message of pgoutput', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = encodeMessage(message)
        const read = decodeMessage(bytes)
        expect(withoutTuples(read)).toEqual(withoutTuples(message))
        expect(encodeMessage(read).equals(bytes)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('that ends early is refused, with its name and the place', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), (message, cut) => {
        const bytes = encodeMessage(message)
        const length = 1 + (cut % (bytes.length - 1))
        const { messageName, offset } = faultOf(bytes.subarray(0, length))
        expect(messageName).toBe(nameOf(message))
        expect(offset).toBeLessThanOrEqual(length)
      }),
      { numRuns: 500 },
    )
  })

  it('with bytes behind it is refused, with its name and where they begin', () => {
    fc.assert(
      fc.property(anyMessage, fc.uint8Array({ minLength: 1, maxLength: 8 }), (message, more) => {
        const bytes = encodeMessage(message)
        const fault = faultOf(Buffer.concat([bytes, more]))
        expect(fault).toMatchObject({ messageName: nameOf(message), offset: bytes.length, code: 'MALFORMED_MESSAGE' })
      }),
    )
  })

  it('of a type that version 1 does not have is refused by that type', () => {
    expect(faultOf(Buffer.from('S\0\0\0\0')).messageName).toBe('"S"')
    expect(faultOf(Buffer.alloc(0)).offset).toBe(0)
  })

  it('names what is wrong inside it: a replica identity, a tuple mark, a column kind', () => {
    const relation = encodeMessage({
      kind: 'relation',
      oid: 1,
      schema: 's',
      name: 't',
      replicaIdentity: 'full',
      columns: [],
    })
    relation[9] = 'x'.charCodeAt(0)
    expect(faultOf(relation).reason).toBe('replica identity "x"')
    expect(faultOf(Buffer.from([0x49, 0, 0, 0, 1, 0x4b, 0, 0])).reason).toContain('marked "K" where a new one is due')
    expect(faultOf(Buffer.from([0x44, 0, 0, 0, 1, 0x4e, 0, 0])).reason).toContain('marked "N" where an old one is due')
    expect(faultOf(Buffer.from([0x49, 0, 0, 0, 1, 0x4e, 0, 1, 0x78])).reason).toBe('a column of kind 120')
  })

  it('from a real server is read, down to the TOAST value that did not change', () => {
    const read: string[] = []
    let rows: RowDecoder | undefined
    const row = (tuple: TupleView | undefined): string => (tuple ? JSON.stringify(rows?.read(tuple)) : '-')
    for (const hex of postgres18) {
      const message = decodeMessage(Buffer.from(hex, 'hex'))
      if (message.kind === 'relation') rows = new RowDecoder(message, new Set(message.columns.map(({ name }) => name)))
      read.push(
        match(message, {
          insert: ({ new: tuple }) => row(tuple),
          update: ({ old, new: tuple }) => `${row(old?.tuple)} ${row(tuple)}`,
          delete: ({ old }) => `${old.extent} ${row(old.tuple)}`,
        }),
      )
    }
    expect(read).toEqual([
      'begin',
      'type',
      'relation',
      '{"id":1,"note":"one","paid":true,"m":"ok"}',
      '- {"id":1,"note":null,"paid":true,"m":"ok"}',
      '{"id":1,"note":null,"paid":null,"m":null} {"id":2,"note":null,"paid":true,"m":"ok"}',
      'identity {"id":2,"note":null,"paid":null,"m":null}',
      'message',
      'truncate',
      'commit',
      'begin',
      '- {"id":1,"paid":false,"m":"ok"}',
      'commit',
    ])
    const [begin, commit] = [postgres18.at(0), postgres18.at(9)].map((hex) =>
      decodeMessage(Buffer.from(hex ?? '', 'hex')),
    )
    expect(begin).toMatchObject({ xid32: 750_772, finalLsn: parseLsn('0/CAB4B38'), at: 1_795_489_704_074.535 })
    expect(commit).toMatchObject({ commitLsn: parseLsn('0/CAB4B38'), endLsn: parseLsn('0/CAB4CA8') })
  })

  it('gives a commit its moment to the microsecond', () => {
    const at = Date.UTC(2026, 10, 24, 2, 3, 4, 567) + 0.891
    const message = decodeMessage(encodeMessage({ kind: 'begin', finalLsn: lsn(1n), at, xid32: 3 }))
    expect(message).toMatchObject({ at })
  })
})
