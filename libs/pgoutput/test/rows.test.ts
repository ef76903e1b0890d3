import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeTuple, RowDecoder, UnreadableColumnError, type Relation, type TupleColumn } from '../src/index.js'

const oids = { bool: 16, int8: 20, int2: 21, int4: 23, text: 25, date: 1082, timestamp: 1114, timestamptz: 1184 }
const more = { bytea: 17, oid: 26, time: 1083, numeric: 1700, uuid: 2950, jsonb: 3802, point: 600 }
type TypeName = keyof typeof oids | keyof typeof more
const oidOf = (type: TypeName): number => ({ ...oids, ...more })[type]

const relationOf = (...types: TypeName[]): Relation => ({
  kind: 'relation',
  oid: 1,
  schema: 'public',
  name: 'things',
  replicaIdentity: 'default',
  columns: types.map((type, at) => ({
    name: `c${at}`,
    isIdentity: at === 0,
    typeOid: oidOf(type),
    typeModifier: -1,
  })),
})
const text = (value: string): TupleColumn => ({ kind: 'text', bytes: Buffer.from(value) })
const binary = (bytes: Buffer): TupleColumn => ({ kind: 'binary', bytes })
const all = (relation: Relation): ReadonlySet<string> => new Set(relation.columns.map(({ name }) => name))

/** One value, sent as binary. */
function fromBinary(type: TypeName, bytes: Buffer): unknown {
  const relation = relationOf(type)
  return new RowDecoder(relation, all(relation)).read(encodeTuple([binary(bytes)]))['c0']
}
/** One value, sent as text. */
function fromText(type: TypeName, value: string): unknown {
  const relation = relationOf(type)
  return new RowDecoder(relation, all(relation)).read(encodeTuple([text(value)]))['c0']
}
const written = (size: number, write: (bytes: Buffer) => unknown): Buffer => {
  const bytes = Buffer.alloc(size)
  write(bytes)
  return bytes
}

describe('a row', () => {
  it('has only the wanted columns, by name, wherever they stand', () => {
    const decoder = new RowDecoder(relationOf('int4', 'text', 'int8', 'text'), new Set(['c0', 'c2']))
    expect(decoder.read(encodeTuple([text('1'), text('skipped'), text('3'), text('x')]))).toEqual({ c0: 1, c2: '3' })
  })

  it('leaves out what was not sent, and says null for what is null', () => {
    const relation = relationOf('int4', 'text', 'text')
    const tuple = encodeTuple([text('1'), { kind: 'unchanged' }, { kind: 'null' }])
    expect(new RowDecoder(relation, all(relation)).read(tuple)).toEqual({ c0: 1, c2: null })
  })

  it('of which only the key was sent has the key alone', () => {
    const relation = relationOf('int4', 'text')
    const tuple = encodeTuple([text('1'), { kind: 'null' }])
    expect(new RowDecoder(relation, all(relation)).read(tuple, new Set(['c0']))).toEqual({ c0: 1 })
  })

  it('lies anywhere in its bytes', () => {
    const { bytes } = encodeTuple([text('7')])
    const relation = relationOf('int4')
    const view = { bytes: Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]), start: 6 }
    expect(new RowDecoder(relation, all(relation)).read(view)).toEqual({ c0: 7 })
  })

  it('with a value whose binary form is unknown is refused, by name; as text, or if nobody wants it, it is read', () => {
    expect(() => fromBinary('point', Buffer.alloc(16))).toThrow(UnreadableColumnError)
    expect(() => fromBinary('point', Buffer.alloc(16))).toThrow('public.things.c0 (type 600)')
    expect(fromText('point', '(1,2)')).toBe('(1,2)')
    const decoder = new RowDecoder(relationOf('point', 'int4'), new Set(['c1']))
    expect(decoder.read(encodeTuple([binary(Buffer.alloc(16)), text('2')]))).toEqual({ c1: 2 })
  })
})

describe('a value is the same from its binary form as from its text', () => {
  const same = (type: TypeName, bytes: Buffer, asText: string): void =>
    expect(fromBinary(type, bytes)).toBe(fromText(type, asText))

  it('bool, int2, int4, int8, oid', () => {
    same('bool', Buffer.from([1]), 't')
    same('bool', Buffer.from([0]), 'f')
    fc.assert(
      fc.property(
        fc.integer({ min: -0x8000, max: 0x7fff }),
        fc.integer({ min: -0x80000000, max: 0x7fffffff }),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        (int2, int4, int8) => {
          same(
            'int2',
            written(2, (bytes) => bytes.writeInt16BE(int2)),
            String(int2),
          )
          same(
            'int4',
            written(4, (bytes) => bytes.writeInt32BE(int4)),
            String(int4),
          )
          same(
            'int8',
            written(8, (bytes) => bytes.writeBigInt64BE(int8)),
            String(int8),
          )
          same(
            'oid',
            written(4, (bytes) => bytes.writeUInt32BE(int4 >>> 0)),
            String(int4 >>> 0),
          )
        },
      ),
    )
    expect(fromText('int4', '-12')).toBe(-12)
    expect(fromText('int8', '9007199254740993')).toBe('9007199254740993')
    expect(fromText('bool', 't')).toBe(true)
  })

  it('uuid, text, bytea, jsonb', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ unit: 'grapheme' }), fc.uint8Array(), (uuid, string, bytes) => {
        same('uuid', Buffer.from(uuid.replaceAll('-', ''), 'hex'), uuid)
        same('text', Buffer.from(string), string)
        same('bytea', Buffer.from(bytes), `\\x${Buffer.from(bytes).toString('hex')}`)
        same('jsonb', Buffer.concat([Buffer.from([1]), Buffer.from('{"a": 1}')]), '{"a": 1}')
      }),
    )
  })

  it('date and timestamp, against the calendar of this runtime', () => {
    const from2000 = (ms: number): number => ms - Date.UTC(2000, 0, 1)
    const anyMs = fc.integer({ min: Date.UTC(-200_000, 0, 1), max: Date.UTC(9_999, 11, 31) })
    fc.assert(
      fc.property(anyMs, fc.nat({ max: 999 }), (ms, us) => {
        const date = new Date(ms)
        const year = date.getUTCFullYear()
        const iso = date.toISOString()
        const day = `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${iso.slice(-19, -14)}`
        const era = year > 0 ? '' : ' BC'
        const fraction = `.${iso.slice(-4, -1)}${String(us).padStart(3, '0')}`.replace(/\.?0+$/, '')
        const at = BigInt(from2000(ms)) * 1000n + BigInt(us)
        same(
          'date',
          written(4, (b) => b.writeInt32BE(Math.floor(from2000(ms) / 86_400_000))),
          `${day}${era}`,
        )
        const clock = `${iso.slice(-13, -5)}${fraction}`
        same(
          'timestamp',
          written(8, (b) => b.writeBigInt64BE(at)),
          `${day} ${clock}${era}`,
        )
        same(
          'timestamptz',
          written(8, (b) => b.writeBigInt64BE(at)),
          `${day} ${clock}+00${era}`,
        )
      }),
    )
    expect(
      fromBinary(
        'date',
        written(4, (b) => b.writeInt32BE(2_145_031_948)),
      ),
    ).toBe('5874897-12-31')
    expect(
      fromBinary(
        'date',
        written(4, (b) => b.writeInt32BE(-0x80000000)),
      ),
    ).toBe('-infinity')
    expect(
      fromBinary(
        'timestamp',
        written(8, (b) => b.writeBigInt64BE(2n ** 63n - 1n)),
      ),
    ).toBe('infinity')
    expect(
      fromBinary(
        'time',
        written(8, (b) => b.writeBigInt64BE(86_400_000_000n)),
      ),
    ).toBe('24:00:00')
  })

  it('numeric', () => {
    const anyDigits = (maxLength: number): fc.Arbitrary<string> =>
      fc.array(fc.nat({ max: 9 }), { maxLength }).map((digits) => digits.join(''))
    fc.assert(
      fc.property(anyDigits(14), anyDigits(11), fc.boolean(), (whole, fraction, negative) => {
        const shown = `${whole.replace(/^0+/, '') || '0'}${fraction === '' ? '' : `.${fraction}`}`
        const isZero = /^[0.]*$/.test(shown)
        const value = negative && !isZero ? `-${shown}` : shown
        same('numeric', numericBytes(whole, fraction, negative && !isZero), value)
      }),
    )
    expect(fromBinary('numeric', Buffer.from('00000000c0000000', 'hex'))).toBe('NaN')
    expect(fromBinary('numeric', Buffer.from('00000000f0000020', 'hex'))).toBe('-Infinity')
  })
})

/** Groups of four around the point, without leading and trailing zero groups, as numeric_send has them. */
function numericBytes(whole: string, fraction: string, negative: boolean): Buffer {
  const left = whole.padStart(Math.ceil(whole.length / 4) * 4, '0')
  const right = fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0')
  const groups = (`${left}${right}`.match(/.{4}/g) ?? []).map(Number)
  let weight = left.length / 4 - 1
  while (groups[0] === 0) {
    groups.shift()
    weight--
  }
  while (groups.at(-1) === 0) groups.pop()
  const bytes = Buffer.alloc(8 + 2 * groups.length)
  bytes.writeInt16BE(groups.length, 0)
  bytes.writeInt16BE(groups.length === 0 ? 0 : weight, 2)
  bytes.writeUInt16BE(negative ? 0x4000 : 0, 4)
  bytes.writeInt16BE(fraction.length, 6)
  groups.forEach((group, at) => bytes.writeInt16BE(group, 8 + 2 * at))
  return bytes
}
