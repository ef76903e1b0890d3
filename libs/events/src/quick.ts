import { lsn, xid } from '@freshet/pgoutput'
import type { z } from 'zod'
import type { CommitPlace, Row } from './values.js'
import type { changeData, Envelope, eventData } from './wire.js'

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

const decimal = /^(?:0|[1-9]\d{0,19})$/
/** Only what our own encoder writes; every other spelling of an instant goes to the schema. */
const instant = /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

function quickCommit(commit: unknown): CommitPlace | undefined {
  if (!isObject(commit)) return
  const { lsn: lsnText, xid: xidText, at, index } = commit
  if (typeof lsnText !== 'string' || !decimal.test(lsnText)) return
  if (typeof xidText !== 'string' || !decimal.test(xidText)) return
  if (typeof at !== 'string' || !instant.test(at)) return
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0) return
  return { lsn: lsn(BigInt(lsnText)), xid: xid(BigInt(xidText)), at: Date.parse(at), index }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
