import { isUtf8 } from 'node:buffer'
import { lsn, xid, type Lsn, type Xid } from '@freshet/pgoutput'
import { z } from 'zod'
import { isObject } from './is-object.js'
import { quickEnvelope, quickChange, quickEvent, quickInvalidation } from './quick.js'
import type { ChangeRecord, DeadLetterRecord, Decoded, DomainEventRecord } from './records.js'
import { UnreadableRecordError } from './unreadable.js'
import type { Operation } from './values.js'
import * as wire from './wire.js'

const operations: Readonly<Record<string, Operation>> = {
  inserted: 'insert',
  updated: 'update',
  deleted: 'delete',
  truncated: 'truncate',
}

/**
 * Reads one record's value. A null value and a type that this version does not know come back as `kind: 'unknown'`.
 *
 * Throws UnreadableRecordError when the bytes are no CloudEvent or its data is not what its type promises.
 */
export function decode(value: Buffer | null, topic?: string): Decoded {
  if (value === null) return { kind: 'unknown', type: undefined }
  const json = parseJson(value, topic)
  const event = quickEnvelope(json) ? json : checked(wire.envelope, json, 'not-a-cloudevent', topic)
  return event.type.startsWith('freshet.') ? decodeControl(event, topic) : decodeBusiness(event, topic)
}

/** The transaction named by a record's headers, for a record whose value is unreadable; undefined when they do not name one. */
export function transactionOfHeaders(
  headers: Readonly<Record<string, string>>,
): { readonly xid: Xid; readonly lsn: Lsn } | undefined {
  const decimal = /^\d{1,20}$/
  const { xid: xidText, lsn: lsnText } = headers
  if (xidText === undefined || lsnText === undefined || !decimal.test(xidText) || !decimal.test(lsnText)) return
  return { xid: xid(BigInt(xidText)), lsn: lsn(BigInt(lsnText)) }
}

/** Changes and events: told apart by their data, since an event may be named like an operation. */
function decodeBusiness(event: wire.Envelope, topic: string | undefined): ChangeRecord | DomainEventRecord {
  const { source, id, type, data } = event
  if (isObject(data) && 'values' in data && !('table' in data)) {
    const {
      key,
      values,
      emitted = false,
      commit,
    } = quickEvent(data) ?? checked(wire.eventData, data, 'wrong-shape', topic, 'data')
    return { kind: 'event', source, id, name: type, key, values, emitted, commit }
  }
  const dot = type.lastIndexOf('.')
  const operation = operations[type.slice(dot + 1)]
  if (dot < 1 || operation === undefined)
    throw new UnreadableRecordError('wrong-shape', `type ${type} is neither a change nor carries values`, topic)
  const change = quickChange(data) ?? checked(wire.changeData, data, 'wrong-shape', topic, 'data')
  const { table, key, old, new: fresh, changed, commit } = change
  return {
    kind: 'change',
    source,
    id,
    entity: type.slice(0, dot),
    table,
    operation,
    key,
    ...(old && { old }),
    ...(fresh && { new: fresh }),
    ...(changed && { changed }),
    commit,
  }
}

function decodeControl(event: wire.Envelope, topic: string | undefined): Decoded {
  const { source, id } = event
  const dataAs = <T>(schema: z.ZodType<T>): T => checked(schema, event.data, 'wrong-shape', topic, 'data')
  switch (event.type) {
    case wire.controlTypes.watermark:
      return { kind: 'watermark', source, id, ...dataAs(wire.watermarkData) }
    case wire.controlTypes.gap: {
      const { id: gapId, ...gap } = dataAs(wire.gapData)
      return { kind: 'gap', source, id, gapId, ...gap }
    }
    case wire.controlTypes.invalidation: {
      const { commit, batch, gap, ...invalidation } = quickInvalidation(event.data) ?? dataAs(wire.invalidationData)
      return {
        kind: 'invalidation',
        source,
        id,
        ...invalidation,
        ...(commit && { commit }),
        ...(batch && { batch }),
        ...(gap && { gap }),
      }
    }
    case wire.controlTypes.applied:
      return { kind: 'applied', source, id, ...dataAs(wire.appliedData) }
    case wire.controlTypes.warmRequest:
      return { kind: 'warm-request', source, id, ...dataAs(wire.warmRequestData) }
    case wire.controlTypes.accessStats:
      return { kind: 'access-stats', source, id, ...dataAs(wire.accessStatsData) }
    case wire.controlTypes.catalog:
      return { kind: 'catalog', source, id, catalog: dataAs(wire.catalogData) }
    case wire.controlTypes.catalogRetired:
      return { kind: 'catalog-retired', source, id, ...dataAs(wire.catalogRetiredData) }
    case wire.controlTypes.catalogStatus:
      return { kind: 'catalog-status', source, id, ...dataAs(wire.catalogStatusData) }
    case wire.controlTypes.deadLetter:
      return decodeDeadLetter(event, topic)
    default:
      return { kind: 'unknown', type: event.type }
  }
}

function decodeDeadLetter(event: wire.Envelope, topic: string | undefined): DeadLetterRecord {
  const letter = checked(wire.deadLetterAttributes, event, 'wrong-shape', topic)
  const headers =
    letter.originalheaders === undefined
      ? {}
      : checked(
          wire.stringHeaders,
          parseJson(Buffer.from(letter.originalheaders), topic),
          'wrong-shape',
          topic,
          'originalheaders',
        )
  return {
    kind: 'dead-letter',
    source: event.source,
    id: event.id,
    original: Buffer.from(letter.data_base64, 'base64'),
    ...(letter.originalkey !== undefined && { originalKey: Buffer.from(letter.originalkey, 'base64') }),
    originalHeaders: headers,
    reason: letter.reason,
    sourceTopic: letter.sourcetopic,
    sourcePartition: letter.sourcepartition,
    sourceOffset: letter.sourceoffset,
    attempts: letter.attempts,
  }
}

/** Reads JSON from UTF-8 bytes. Throws UnreadableRecordError. */
export function parseJson(value: Buffer, topic?: string): unknown {
  // A replaced character would make another key out of this one, silently.
  if (!isUtf8(value)) throw new UnreadableRecordError('not-json', 'the bytes are not UTF-8', topic)
  try {
    return JSON.parse(value.toString('utf8'))
  } catch (error) {
    throw new UnreadableRecordError('not-json', error instanceof Error ? error.message : String(error), topic)
  }
}

/** Reads by a schema. Throws UnreadableRecordError that names the first thing wrong with its path. */
export function checked<T>(
  schema: z.ZodType<T>,
  json: unknown,
  fault: 'not-a-cloudevent' | 'wrong-shape',
  topic: string | undefined,
  at?: string,
): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = [...(at === undefined ? [] : [at]), ...(issue?.path ?? [])].map(String).join('.')
  throw new UnreadableRecordError(fault, `${path === '' ? 'value' : path}: ${issue?.message ?? 'not valid'}`, topic)
}

/** As `decode`, for readers that skip what cannot be read: it comes back as `kind: 'unknown'`. */
export function decodeOrSkip(value: Buffer | null, topic?: string): Decoded {
  try {
    return decode(value, topic)
  } catch (error) {
    if (!(error instanceof UnreadableRecordError)) throw error
    return { kind: 'unknown', type: undefined }
  }
}
