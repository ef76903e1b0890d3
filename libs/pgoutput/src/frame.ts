import { ByteReader } from './byte-reader.js'
import { lsn, type Lsn } from './lsn.js'
import { MalformedMessageError } from './malformed.js'
import { millisecondsOf, postgresMicroseconds } from './message.js'

/** A piece of the stream, with the log position that it begins at. */
export interface WalData {
  readonly kind: 'wal-data'
  readonly start: Lsn
  /** How far the server's log reached when it sent this. */
  readonly walEnd: Lsn
  /** The server's clock, in milliseconds since 1970. */
  readonly at: number
  /** A pgoutput message. */
  readonly payload: Buffer
}

/** The server's sign of life: everything up to `walEnd` has been sent. */
export interface Keepalive {
  readonly kind: 'keepalive'
  readonly walEnd: Lsn
  readonly at: number
  /** The server closes the connection unless it hears back soon. */
  readonly replyRequested: boolean
}

export type Frame = WalData | Keepalive

/** The frame types of a replication stream. */
export const frameType = { walData: 0x77, keepalive: 0x6b, statusUpdate: 0x72 } as const

/** Offset of the pgoutput message in a WAL data frame. */
export const walDataHeaderBytes = 25

/** Reads what the server sends inside CopyData. Throws MalformedMessageError. */
export function decodeFrame(bytes: Buffer): Frame {
  const type = bytes[0]
  if (type === frameType.walData) {
    const reader = new ByteReader(bytes, 'XLogData')
    reader.skip(1)
    const [start, walEnd, at] = [lsn(reader.uint64()), lsn(reader.uint64()), millisecondsOf(reader.int64())]
    return { kind: 'wal-data', start, walEnd, at, payload: bytes.subarray(reader.offset) }
  }
  if (type === frameType.keepalive) {
    const reader = new ByteReader(bytes, 'keepalive')
    reader.skip(1)
    const frame: Keepalive = {
      kind: 'keepalive',
      walEnd: lsn(reader.uint64()),
      at: millisecondsOf(reader.int64()),
      replyRequested: reader.uint8() === 1,
    }
    reader.end()
    return frame
  }
  throw new MalformedMessageError('replication', 0, `a frame of type ${type ?? 'none'}`)
}

/** What the client reports back. */
export interface StatusUpdate {
  readonly written: Lsn
  /** The server may forget its log up to here. */
  readonly flushed: Lsn
  readonly applied: Lsn
  /** The client's clock, in milliseconds since 1970. */
  readonly at: number
  /** Asks the server for a keepalive at once. */
  readonly replyRequested: boolean
}

/** Writes a standby status update, for CopyData. */
export function encodeStatusUpdate(update: StatusUpdate): Buffer {
  const bytes = Buffer.alloc(34)
  bytes.writeUInt8(frameType.statusUpdate, 0)
  bytes.writeBigUInt64BE(update.written, 1)
  bytes.writeBigUInt64BE(update.flushed, 9)
  bytes.writeBigUInt64BE(update.applied, 17)
  bytes.writeBigInt64BE(postgresMicroseconds(update.at), 25)
  bytes.writeUInt8(update.replyRequested ? 1 : 0, 33)
  return bytes
}

/** Writes a frame as the server does. */
export function encodeFrame(frame: Frame): Buffer {
  const at = postgresMicroseconds(frame.at)
  if (frame.kind === 'keepalive') {
    const bytes = Buffer.alloc(18)
    bytes.writeUInt8(frameType.keepalive, 0)
    bytes.writeBigUInt64BE(frame.walEnd, 1)
    bytes.writeBigInt64BE(at, 9)
    bytes.writeUInt8(frame.replyRequested ? 1 : 0, 17)
    return bytes
  }
  const head = Buffer.alloc(walDataHeaderBytes)
  head.writeUInt8(frameType.walData, 0)
  head.writeBigUInt64BE(frame.start, 1)
  head.writeBigUInt64BE(frame.walEnd, 9)
  head.writeBigInt64BE(at, 17)
  return Buffer.concat([head, frame.payload])
}
