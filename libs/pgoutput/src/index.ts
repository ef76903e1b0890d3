export type { ColumnValue } from './column-types.js'
export { decodeMessage } from './decode.js'
export { encodeMessage, encodeTuple, type TupleColumn } from './encode.js'
export {
  decodeFrame,
  encodeFrame,
  encodeStatusUpdate,
  frameType,
  walDataHeaderBytes,
  type Frame,
  type Keepalive,
  type StatusUpdate,
  type WalData,
} from './frame.js'
export { formatLsn, lsn, parseLsn, type Lsn } from './lsn.js'
export { MalformedMessageError } from './malformed.js'
export type {
  Begin,
  Commit,
  Delete,
  Insert,
  LogicalMessage,
  Message,
  OldTuple,
  Origin,
  Relation,
  RelationColumn,
  ReplicaIdentitySetting,
  Truncate,
  Type,
  Update,
} from './message.js'
export { RowDecoder, UnreadableColumnError, type Row } from './row-decoder.js'
export type { TupleView } from './tuple.js'
export { widenXid, xid, type Xid } from './xid.js'
