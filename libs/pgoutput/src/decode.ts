import { ByteReader } from './byte-reader.js'
import { lsn, type Lsn } from './lsn.js'
import { MalformedMessageError } from './malformed.js'
import {
  millisecondsOf,
  type Delete,
  type Message,
  type OldTuple,
  type Relation,
  type ReplicaIdentitySetting,
  type Update,
} from './message.js'
import { viewTuple } from './tuple.js'

const identitySettings: Readonly<Record<string, ReplicaIdentitySetting>> = {
  d: 'default',
  n: 'nothing',
  f: 'full',
  i: 'index',
}

const names: Readonly<Record<string, string>> = {
  B: 'Begin',
  C: 'Commit',
  O: 'Origin',
  R: 'Relation',
  Y: 'Type',
  I: 'Insert',
  U: 'Update',
  D: 'Delete',
  T: 'Truncate',
  M: 'Message',
}

/**
 * Reads one message of pgoutput, protocol version 1 (PostgreSQL documentation, "Logical Replication Message Formats").
 * Tuples stay views into `bytes`: they are valid as long as the buffer is.
 *
 * Throws MalformedMessageError when the bytes are of no known type, end early, or go on behind the message.
 */
export function decodeMessage(bytes: Buffer): Message {
  const tag = String.fromCharCode(bytes[0] ?? 0)
  const name = names[tag]
  if (!name) throw new MalformedMessageError(`"${tag}"`, 0, 'its type is not one of pgoutput version 1')
  const reader = new ByteReader(bytes, name)
  reader.skip(1)
  const message = decodeBody(tag, reader)
  reader.end()
  return message
}

function decodeBody(tag: string, reader: ByteReader): Message {
  switch (tag) {
    case 'B':
      return { kind: 'begin', finalLsn: readLsn(reader), at: millisecondsOf(reader.int64()), xid32: reader.uint32() }
    case 'C': {
      reader.skip(1) // flags, unused
      return { kind: 'commit', commitLsn: readLsn(reader), endLsn: readLsn(reader), at: millisecondsOf(reader.int64()) }
    }
    case 'O':
      return { kind: 'origin', commitLsn: readLsn(reader), name: reader.text() }
    case 'R':
      return decodeRelation(reader)
    case 'Y':
      return { kind: 'type', oid: reader.uint32(), schema: reader.text(), name: reader.text() }
    case 'I': {
      const relationOid = reader.uint32()
      expectNew(reader)
      return { kind: 'insert', relationOid, new: viewTuple(reader) }
    }
    case 'U':
      return decodeUpdate(reader)
    case 'D':
      return decodeDelete(reader)
    case 'T': {
      const count = reader.int32()
      const options = reader.uint8()
      const relationOids = Array.from({ length: count }, () => reader.uint32())
      return { kind: 'truncate', relationOids, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 }
    }
    default: {
      const transactional = (reader.uint8() & 1) !== 0
      const at = readLsn(reader)
      const prefix = reader.text()
      return { kind: 'message', transactional, lsn: at, prefix, content: reader.view(reader.int32()) }
    }
  }
}

function decodeRelation(reader: ByteReader): Relation {
  const oid = reader.uint32()
  const schema = reader.text()
  const name = reader.text()
  const setting = reader.character()
  const replicaIdentity = identitySettings[setting] ?? reader.fail(`replica identity "${setting}"`)
  const columns = Array.from({ length: reader.int16() }, () => ({
    isIdentity: (reader.uint8() & 1) !== 0,
    name: reader.text(),
    typeOid: reader.uint32(),
    typeModifier: reader.int32(),
  }))
  return { kind: 'relation', oid, schema: schema === '' ? 'pg_catalog' : schema, name, replicaIdentity, columns }
}

function decodeUpdate(reader: ByteReader): Update {
  const relationOid = reader.uint32()
  const mark = reader.character()
  if (mark === 'N') return { kind: 'update', relationOid, new: viewTuple(reader) }
  const old = decodeOld(reader, mark)
  expectNew(reader)
  return { kind: 'update', relationOid, old, new: viewTuple(reader) }
}

function decodeDelete(reader: ByteReader): Delete {
  const relationOid = reader.uint32()
  return { kind: 'delete', relationOid, old: decodeOld(reader, reader.character()) }
}

function decodeOld(reader: ByteReader, mark: string): OldTuple {
  if (mark !== 'K' && mark !== 'O') reader.fail(`a tuple marked "${mark}" where an old one is due`)
  return { extent: mark === 'K' ? 'identity' : 'row', tuple: viewTuple(reader) }
}

function expectNew(reader: ByteReader): void {
  const mark = reader.character()
  if (mark !== 'N') reader.fail(`a tuple marked "${mark}" where a new one is due`)
}

const readLsn = (reader: ByteReader): Lsn => lsn(reader.uint64())
