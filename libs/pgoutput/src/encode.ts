import { postgresMicroseconds, type Message, type OldTuple, type ReplicaIdentitySetting } from './message.js'
import { viewTuple, columnKind, type TupleView } from './tuple.js'
import { ByteReader } from './byte-reader.js'

/** A column of a tuple to be written. */
export type TupleColumn =
  { readonly kind: 'null' | 'unchanged' } | { readonly kind: 'text' | 'binary'; readonly bytes: Buffer }

const uint8 = (value: number): Buffer => Buffer.from([value])
const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const uint32 = (value: number): Buffer => int32(value | 0)
const uint64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
const time = (ms: number): Buffer => uint64(BigInt.asUintN(64, postgresMicroseconds(ms)))
const text = (value: string): Buffer => Buffer.from(`${value}\0`)

/** Writes a tuple, as a view of bytes of its own. */
export function encodeTuple(columns: readonly TupleColumn[]): TupleView {
  const parts = columns.flatMap((column) => [
    uint8(columnKind[column.kind]),
    ...('bytes' in column ? [int32(column.bytes.length), column.bytes] : []),
  ])
  return { bytes: Buffer.concat([int16(columns.length), ...parts]), start: 0 }
}

const settings: Readonly<Record<ReplicaIdentitySetting, string>> = { default: 'd', nothing: 'n', full: 'f', index: 'i' }

/** Writes one message as pgoutput does: the inverse of `decodeMessage`. */
export const encodeMessage = (message: Message): Buffer => Buffer.concat(parts(message))

function parts(message: Message): Buffer[] {
  switch (message.kind) {
    case 'begin':
      return [tag('B'), uint64(message.finalLsn), time(message.at), uint32(message.xid32)]
    case 'commit':
      return [tag('C'), uint8(0), uint64(message.commitLsn), uint64(message.endLsn), time(message.at)]
    case 'origin':
      return [tag('O'), uint64(message.commitLsn), text(message.name)]
    case 'relation':
      return [
        tag('R'),
        uint32(message.oid),
        text(message.schema === 'pg_catalog' ? '' : message.schema),
        text(message.name),
        tag(settings[message.replicaIdentity]),
        int16(message.columns.length),
        ...message.columns.flatMap((column) => [
          uint8(column.isIdentity ? 1 : 0),
          text(column.name),
          uint32(column.typeOid),
          int32(column.typeModifier),
        ]),
      ]
    case 'type':
      return [tag('Y'), uint32(message.oid), text(message.schema), text(message.name)]
    case 'insert':
      return [tag('I'), uint32(message.relationOid), tag('N'), tupleBytes(message.new)]
    case 'update':
      return [
        tag('U'),
        uint32(message.relationOid),
        ...(message.old ? old(message.old) : []),
        tag('N'),
        tupleBytes(message.new),
      ]
    case 'delete':
      return [tag('D'), uint32(message.relationOid), ...old(message.old)]
    case 'truncate': {
      const options = (message.cascade ? 1 : 0) | (message.restartIdentity ? 2 : 0)
      return [tag('T'), int32(message.relationOids.length), uint8(options), ...message.relationOids.map(uint32)]
    }
    case 'message':
      return [
        tag('M'),
        uint8(message.transactional ? 1 : 0),
        uint64(message.lsn),
        text(message.prefix),
        int32(message.content.length),
        message.content,
      ]
  }
}

const tag = (character: string): Buffer => Buffer.from(character, 'latin1')
const old = ({ extent, tuple }: OldTuple): Buffer[] => [tag(extent === 'identity' ? 'K' : 'O'), tupleBytes(tuple)]

function tupleBytes({ bytes, start }: TupleView): Buffer {
  const reader = new ByteReader(bytes, 'tuple', start)
  viewTuple(reader)
  return bytes.subarray(start, reader.offset)
}
