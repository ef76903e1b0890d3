import { lsn, xid } from '@freshet/pgoutput'
import type { z } from 'zod'
import { isObject } from './is-object.js'
import type { AppliedBatch, InvalidationRecord } from './records.js'
import type { CommitPlace, CommitStamp, Row } from './values.js'
import type { changeData, Envelope, eventData, invalidationData } from './wire.js'

/**
 * The schemas of wire.ts by hand, for the records that come by the ten thousand each second. A quick reader accepts at
 * most what its schema accepts, with the same result (a property test holds it to that); what it does not accept goes
 * to the schema, which then says what is wrong.
 */

export function quickEnvelope(json: unknown): json is Envelope {
  return (
    isObject(json) &&
    json.specversion === '1.0' &&
    isName(json.id) &&
    isName(json.source) &&
    isName(json.type) &&
    json.data_base64 === undefined
  )
}

export function quickChange(data: unknown): z.output<typeof changeData> | undefined {
  if (!isObject(data)) return
  const { table, key, old, new: fresh, changed } = data
  if (!isName(table) || !isRowOrNull(key) || !isRowOrNull(old) || !isRowOrNull(fresh) || !isNamesOrNull(changed)) return
  const commit = quickCommit(data.commit)
  return commit && { table, key, old, new: fresh, changed, commit }
}

export function quickEvent(data: unknown): z.output<typeof eventData> | undefined {
  if (!isObject(data)) return
  const { key, values, emitted } = data
  if (!isRowOrNull(key) || !isRow(values) || (emitted !== undefined && typeof emitted !== 'boolean')) return
  const commit = quickCommit(data.commit)
  return commit && { key, values, emitted, commit }
}

/** All but a gap's. */
export function quickInvalidation(data: unknown): z.output<typeof invalidationData> | undefined {
  if (!isObject(data)) return
  const { shard, tags, cause, fencedAt } = data
  if (shard !== 'all' && !isCount(shard)) return
  if (!Array.isArray(tags) || !tags.every(isName) || !isCause(cause) || data.gap !== undefined) return
  if (typeof fencedAt !== 'string' || !instant.test(fencedAt)) return
  const commit = data.commit === undefined ? undefined : quickStamp(data.commit)
  const batch = data.batch === undefined ? undefined : quickBatch(data.batch)
  if ((data.commit !== undefined && !commit) || (data.batch !== undefined && !batch)) return
  return { shard, tags, cause, fencedAt: Date.parse(fencedAt), ...(commit && { commit }), ...(batch && { batch }) }
}

function quickBatch(batch: unknown): AppliedBatch | undefined {
  if (!isObject(batch)) return
  const { topic, partition, from, to, readAt } = batch
  if (!isName(topic) || !isCount(partition)) return
  if (typeof from !== 'string' || !decimal.test(from)) return
  if (typeof to !== 'string' || !decimal.test(to)) return
  if (typeof readAt !== 'string' || !instant.test(readAt)) return
  return { topic, partition, from: BigInt(from), to: BigInt(to), readAt: Date.parse(readAt) }
}

const decimal = /^(?:0|[1-9]\d{0,19})$/
/** Only what our own encoder writes; every other spelling of an instant goes to the schema. */
const instant = /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

function quickCommit(commit: unknown): CommitPlace | undefined {
  if (!isObject(commit) || !isCount(commit.index)) return
  const { index } = commit
  const stamp = quickStamp(commit)
  return stamp && { ...stamp, index }
}

function quickStamp(commit: unknown): CommitStamp | undefined {
  if (!isObject(commit)) return
  const { lsn: lsnText, xid: xidText, at } = commit
  if (typeof lsnText !== 'string' || !decimal.test(lsnText)) return
  if (typeof xidText !== 'string' || !decimal.test(xidText)) return
  if (typeof at !== 'string' || !instant.test(at)) return
  return { lsn: lsn(BigInt(lsnText)), xid: xid(BigInt(xidText)), at: Date.parse(at) }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const isCause = (value: unknown): value is InvalidationRecord['cause'] =>
  value === 'change' || value === 'event' || value === 'gap' || value === 'hand'

const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

function isRow(value: unknown): value is Row {
  if (!isObject(value)) return false
  for (const name in value) {
    const column = value[name]
    if (name === '__proto__') return false // zod leaves it out
    if (typeof column === 'object' ? column !== null : column === undefined) return false
  }
  return true
}

const isRowOrNull = (value: unknown): value is Row | null => value === null || isRow(value)

const isNamesOrNull = (value: unknown): value is string[] | null =>
  value === null || (Array.isArray(value) && value.every((name) => typeof name === 'string'))
