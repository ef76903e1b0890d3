import { continuityBreak, positionAt, type StreamMark, type StreamPosition } from '@freshet/coherence'
import {
  decode,
  transactionOfHeaders,
  UnreadableRecordError,
  type ColumnValue,
  type Decoded,
  type GapCause,
  type GapRecord,
  type WatermarkRecord,
} from '@freshet/events'
import type { IncomingBatch, IncomingRecord } from '@freshet/kafka'
import type { Xid } from '@freshet/pgoutput'
import type { Planner } from '@freshet/planner'
import type { Cursor } from '@freshet/redis'
import type { Tag } from '@freshet/cache-keys'
import type { ForeignContent } from '../foreign/foreign-reader.js'
import { MergedFences } from './merged-fences.js'

/** What a batch is read against: the rules, and what they make of its topic. */
export interface ReadingView {
  readonly planner: Planner
  /** Every template tag that rules on what the topic carries can touch: fenced where a record cannot be read. */
  readonly templates: () => readonly Tag[]
  /** A transaction above this has not begun: a header that names one is not believed, or no load would ever see it. */
  readonly newest: Xid | undefined
  /** Records before this offset may have been applied before, to the Redis whose place this one took. */
  readonly repeatsUntil: bigint
}

/** A record that could not be read, and why. */
export interface Unreadable {
  readonly record: IncomingRecord
  readonly reason: string
}

/** A record with what it says, or why that cannot be told. */
export interface DecodedRecord {
  readonly record: IncomingRecord
  readonly content: Decoded | ForeignContent | UnreadableRecordError
}

/** A batch, read and planned: everything that has to be done for it, nothing of it done. */
export interface Reading {
  readonly fences: MergedFences
  readonly announcedGaps: readonly GapRecord[]
  /** Gaps of this entity that the batch itself shows, each cause once. */
  readonly impliedGaps: readonly GapCause[]
  readonly unreadable: readonly Unreadable[]
  /** The last watermark of the batch. */
  readonly watermark: WatermarkRecord | undefined
  /** Where this partition stands once all of the above is done. */
  readonly cursor: Cursor
  readonly changes: number
}

export const decodeBatch = (batch: IncomingBatch): readonly DecodedRecord[] =>
  batch.records.map((record) => ({ record, content: read(record) }))

/** Plans one batch. Pure: the same records, cursor and rules give the same reading. */
export function readBatch(
  batch: Pick<IncomingBatch, 'nextOffset'>,
  records: readonly DecodedRecord[],
  before: Cursor,
  view: ReadingView,
): Reading {
  const fences = new MergedFences()
  const announcedGaps: GapRecord[] = []
  const impliedGaps = new Set<GapCause>()
  const unreadable: Unreadable[] = []
  let watermark: WatermarkRecord | undefined
  let position = positionOf(before)
  let changes = 0

  for (const { record, content: decoded } of records) {
    const isRepeat = record.offset < view.repeatsUntil
    if (decoded instanceof UnreadableRecordError) {
      unreadable.push({ record, reason: decoded.reason })
      const transaction = transactionOfHeaders(record.headers)
      if (!transaction || view.newest === undefined || transaction.xid > view.newest)
        impliedGaps.add('unreadable-record')
      else for (const tag of view.templates()) fences.fence(tag, { ...transaction, at: record.timestampMs }, isRepeat)
      continue
    }
    switch (decoded.kind) {
      case 'change':
        fences.add(view.planner.planChange(decoded), decoded.commit, isRepeat)
        changes += 1
        break
      case 'event':
        if (!decoded.emitted) break // read off a row, whose change record fences
        fences.add(
          view.planner.planEvent({ name: decoded.name, parameters: given(decoded.values) }),
          decoded.commit,
          isRepeat,
        )
        changes += 1
        break
      case 'foreign-change':
        fences.add(view.planner.planChange(decoded.change), decoded.commit, isRepeat)
        changes += 1
        break
      case 'foreign-event':
        fences.add(view.planner.planEvent(decoded.event), undefined, isRepeat)
        changes += 1
        break
      case 'foreign-snapshot':
        impliedGaps.add('slot-lost') // its history, or the slot itself: the connector reads the tables anew
        break
      case 'watermark': {
        const cause = breakAt(position, decoded, record.offset)
        if (cause) impliedGaps.add(cause)
        position = positionAt(decoded, record.offset)
        watermark = decoded
        break
      }
      case 'gap':
        announcedGaps.push(decoded)
        if (position) position = { ...position, fingerprint: undefined } // the watched tables may differ from here on
        break
      default: // a kind that does not belong here changes nothing that is cached
        break
    }
  }
  const cursor = cursorAt(batch.nextOffset, position)
  return { fences, announcedGaps, impliedGaps: [...impliedGaps], unreadable, watermark, cursor, changes }
}

function read(record: IncomingRecord): Decoded | UnreadableRecordError {
  try {
    return decode(record.value, record.topic)
  } catch (error) {
    if (error instanceof UnreadableRecordError) return error
    throw error
  }
}

const breakAt = (last: StreamPosition | undefined, mark: StreamMark, offset: bigint): GapCause | undefined =>
  last && continuityBreak(last, mark, offset)

/** Undefined before the partition's first watermark: only what stands between two watermarks can be judged. */
function positionOf(cursor: Cursor): StreamPosition | undefined {
  const { epoch, sequence, sequenceOffset, lsn, timeline, systemId, fingerprint } = cursor
  const known =
    epoch !== undefined &&
    sequence !== undefined &&
    sequenceOffset !== undefined &&
    lsn !== undefined &&
    timeline !== undefined &&
    systemId !== undefined
  return known ? { epoch, sequence, sequenceOffset, lsn, timeline, systemId, fingerprint } : undefined
}

function cursorAt(offset: bigint, position: StreamPosition | undefined): Cursor {
  if (!position) return { offset }
  const { fingerprint, ...rest } = position
  return { offset, ...rest, ...(fingerprint !== undefined && { fingerprint }) }
}

/** Without nulls: a parameter that an event leaves empty is unknown to its rules, which then widen. */
const given = (values: Readonly<Record<string, ColumnValue>>): Record<string, NonNullable<ColumnValue>> =>
  Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
