import fc from 'fast-check'
import {
  encodeTuple,
  lsn,
  type Message,
  type OldTuple,
  type Relation,
  type TupleColumn,
  type TupleView,
} from '../src/index.js'

/** Some Unicode, no zero byte: Postgres' texts have none. */
export const anyText = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', ''))
export const anyName = anyText.filter((name) => name !== '')
export const anyOid = fc.nat({ max: 0xffffffff })
export const anyLsn = fc.bigInt(0n, 0xffffffffffffffffn).map(lsn)
/** Milliseconds with the microseconds that Postgres keeps, in a range where a number holds them exactly. */
export const anyMoment = fc.integer({ min: -1e12, max: 4e12 }).map((us) => us / 1000)

const anyBytes = fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes))

export const anyColumn: fc.Arbitrary<TupleColumn> = fc.oneof(
  fc.constantFrom({ kind: 'null' } as const, { kind: 'unchanged' } as const),
  fc.record({ kind: fc.constantFrom('text' as const, 'binary' as const), bytes: anyBytes }),
)

export const anyTuple: fc.Arbitrary<TupleView> = fc.array(anyColumn, { maxLength: 6 }).map(encodeTuple)

const anyOld: fc.Arbitrary<OldTuple> = fc.record({
  extent: fc.constantFrom('identity' as const, 'row' as const),
  tuple: anyTuple,
})

export const anyRelation: fc.Arbitrary<Relation> = fc.record({
  kind: fc.constant('relation' as const),
  oid: anyOid,
  schema: anyName,
  name: anyName,
  replicaIdentity: fc.constantFrom('default' as const, 'nothing' as const, 'full' as const, 'index' as const),
  columns: fc.array(
    fc.record({
      name: anyName,
      isIdentity: fc.boolean(),
      typeOid: anyOid,
      typeModifier: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
    }),
    { maxLength: 5 },
  ),
})

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('begin' as const), finalLsn: anyLsn, at: anyMoment, xid32: anyOid }),
  fc.record({ kind: fc.constant('commit' as const), commitLsn: anyLsn, endLsn: anyLsn, at: anyMoment }),
  fc.record({ kind: fc.constant('origin' as const), commitLsn: anyLsn, name: anyText }),
  anyRelation,
  fc.record({ kind: fc.constant('type' as const), oid: anyOid, schema: anyText, name: anyText }),
  fc.record({ kind: fc.constant('insert' as const), relationOid: anyOid, new: anyTuple }),
  fc.record({ kind: fc.constant('update' as const), relationOid: anyOid, new: anyTuple }),
  fc.record({ kind: fc.constant('update' as const), relationOid: anyOid, old: anyOld, new: anyTuple }),
  fc.record({ kind: fc.constant('delete' as const), relationOid: anyOid, old: anyOld }),
  fc.record({
    kind: fc.constant('truncate' as const),
    relationOids: fc.array(anyOid, { maxLength: 4 }),
    cascade: fc.boolean(),
    restartIdentity: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('message' as const),
    transactional: fc.boolean(),
    lsn: anyLsn,
    prefix: anyText,
    content: anyBytes,
  }),
)
