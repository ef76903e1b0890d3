import {
  decodeEmittedEvent,
  encodeChange,
  encodeDomainEvent,
  namespaceMessagePrefix,
  UnreadableRecordError,
  type CommitPlace,
  type CommitStamp,
  type Operation,
  type Row,
} from '@freshet/events'
import type { OutgoingRecord } from '@freshet/kafka'
import {
  lsn,
  widenXid,
  type Lsn,
  type Delete,
  type Insert,
  type LogicalMessage,
  type Message,
  type Relation,
  type Truncate,
  type Update,
  type Xid,
} from '@freshet/pgoutput'
import { noWatchedTables, type MappedEvent, type WatchedTables } from '../watched-tables.js'
import type { TopicLayout } from './topic-layout.js'
import { WatchedRelation, type RowChange } from './watched-relation.js'

/** A service emitted something under this namespace's prefix that no catalog can mean. */
export interface UnusableMessage {
  readonly reason: string
  readonly lsn: Lsn
  /** Is it sure that no rule rests on it? Else it has to be treated as a gap. */
  readonly harmless: boolean
}

interface OpenTransaction {
  readonly commit: CommitStamp
  /**
   * Of the next change: its place among all that Postgres sends of the transaction, watched or not, so that a change has
   * the same id when it is read again under other catalogs.
   */
  nextIndex: number
}

/** A delete of a partitioned table's row, held until the next change shows whether the row only moved. */
interface HeldDelete {
  readonly relation: WatchedRelation
  readonly relationOid: number
  readonly change: RowChange
  readonly place: CommitPlace
}

/** What a reader needs beside the messages. */
export interface ReaderPorts {
  readonly layout: TopicLayout
  /** Takes the records, in order. */
  readonly onRecord: (record: OutgoingRecord) => void
  readonly onUnusableMessage: (message: UnusableMessage) => void
}

/**
 * Turns the messages of the stream, in order, into records. Pure but for what it remembers: the open transaction, the
 * relations that were described, a delete that may be half of a move.
 *
 * A changed key is one `.updated` under the new key, with both in its rows. Its record may stand on another partition
 * than the old key's earlier ones; whoever keeps something by the old key finds it in `old`. Order between the two does
 * not matter to fences, which never bring anything back.
 */
export class TransactionReader {
  private watched = noWatchedTables
  private readonly descriptions = new Map<number, Relation>()
  private readonly relations = new Map<number, WatchedRelation>()
  private transaction: OpenTransaction | undefined
  private held: HeldDelete | undefined
  private readonly messagePrefix: string

  /** The end of the last commit that was read. */
  position: Lsn = lsn(0n)

  constructor(
    private readonly source: string,
    namespace: string,
    private xidReference: Xid,
    private readonly ports: ReaderPorts,
  ) {
    this.messagePrefix = namespaceMessagePrefix(namespace)
  }

  get isInTransaction(): boolean {
    return this.transaction !== undefined
  }

  /** Any recent transaction id: those of the stream are widened with it. */
  refer(reference: Xid): void {
    this.xidReference = reference
  }

  watch(watched: WatchedTables): void {
    this.watched = watched
    this.relations.clear()
    for (const relation of this.descriptions.values()) this.describe(relation)
  }

  /** A new connection begins anew at a transaction's start. */
  restart(): void {
    this.transaction = undefined
    this.held = undefined
    this.descriptions.clear()
    this.relations.clear()
  }

  /**
   * Takes one message; its records go to `onRecord`.
   *
   * Throws UnreadableColumnError for a watched value that came in a binary form which is not known.
   */
  read(message: Message): void {
    switch (message.kind) {
      case 'begin':
        this.transaction = {
          commit: { lsn: lsn(message.finalLsn + 1n), xid: widenXid(message.xid32, this.xidReference), at: message.at },
          nextIndex: 0,
        }
        return
      case 'commit':
        this.releaseHeld()
        this.transaction = undefined
        this.position = message.endLsn
        return
      case 'relation': // also between the two halves of a move: each leaf describes its root anew
        this.descriptions.set(message.oid, message)
        this.describe(message)
        return
      case 'insert':
        return this.insert(message)
      case 'update':
        return this.update(message)
      case 'delete':
        return this.delete(message)
      case 'truncate':
        return this.truncate(message)
      case 'message':
        return this.emitted(message)
      case 'type':
      case 'origin':
        return
    }
  }

  private describe(relation: Relation): void {
    const table = this.watched.tables.get(`${relation.schema}.${relation.name}`)
    if (table) this.relations.set(relation.oid, new WatchedRelation(table, relation))
    else this.relations.delete(relation.oid)
  }

  private insert({ relationOid, new: tuple }: Insert): void {
    const place = this.nextPlace()
    const relation = this.relations.get(relationOid)
    if (!relation) return this.releaseHeld()
    const change = relation.inserted(tuple)
    const { held } = this
    if (held?.relationOid === relationOid && sameKey(held.change.key, change.key)) {
      this.held = undefined
      return this.change(relation, 'update', relation.moved(held.change, change), place)
    }
    this.releaseHeld()
    this.change(relation, 'insert', change, place)
  }

  private update({ relationOid, old, new: tuple }: Update): void {
    this.releaseHeld()
    const place = this.nextPlace()
    const relation = this.relations.get(relationOid)
    if (relation) this.change(relation, 'update', relation.updated(old, tuple), place)
  }

  private delete({ relationOid, old }: Delete): void {
    this.releaseHeld()
    const place = this.nextPlace()
    const relation = this.relations.get(relationOid)
    if (!relation) return
    const change = relation.deleted(old)
    if (relation.table.partitioned) this.held = { relation, relationOid, change, place }
    else this.change(relation, 'delete', change, place)
  }

  private releaseHeld(): void {
    const { held } = this
    this.held = undefined
    if (held) this.change(held.relation, 'delete', held.change, held.place)
  }

  private change({ table }: WatchedRelation, operation: Operation, change: RowChange, commit: CommitPlace): void {
    const { layout, onRecord } = this.ports
    const key = table.keyColumns.length === 0 ? null : change.key
    const { old, changed } = change
    const record = encodeChange({
      source: this.source,
      entity: table.entity,
      table: table.table,
      operation,
      key,
      commit,
      ...(old && { old }),
      ...(change.new && { new: change.new }),
      ...(changed && { changed }),
    })
    onRecord(layout.place(layout.changes(table.entity), record))
    for (const event of table.events) {
      if (!change.new || !becomes(event, operation, change.old, change.new)) continue
      const values = pick(event.values, change.new)
      const mapped = encodeDomainEvent({ source: this.source, name: event.name, key, values, emitted: false, commit })
      onRecord(layout.place(layout.events(table.entity), mapped))
    }
  }

  private truncate({ relationOids }: Truncate): void {
    this.releaseHeld()
    const { layout, onRecord } = this.ports
    for (const oid of relationOids) {
      const commit = this.nextPlace()
      const table = this.relations.get(oid)?.table
      if (!table) continue
      const record = encodeChange({
        source: this.source,
        entity: table.entity,
        table: table.table,
        operation: 'truncate',
        key: null,
        commit,
      })
      // once to every partition, under one id: each of them may hold records of rows that are gone
      for (const place of layout.partitionsOf(layout.changes(table.entity))) onRecord({ ...place, ...record })
    }
  }

  private emitted({ transactional, lsn: at, prefix, content }: LogicalMessage): void {
    const { layout, onRecord, onUnusableMessage } = this.ports
    if (!transactional) {
      const reason = 'it was emitted outside its transaction (pg_logical_emit_message(false, ...))'
      if (prefix === this.messagePrefix) onUnusableMessage({ reason, lsn: at, harmless: true })
      return
    }
    this.releaseHeld()
    const commit = this.nextPlace()
    if (prefix !== this.messagePrefix) return
    try {
      const { event, parameters } = decodeEmittedEvent(content)
      const declared = this.watched.emitted.get(event)
      if (!declared) {
        const reason = `no catalog declares the event ${event}`
        return onUnusableMessage({ reason, lsn: commit.lsn, harmless: true })
      }
      const record = encodeDomainEvent({
        source: this.source,
        name: event,
        key: null,
        values: parameters,
        emitted: true,
        commit,
      })
      onRecord(layout.place(layout.events(declared.entity), record))
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error
      onUnusableMessage({ reason: error.reason, lsn: commit.lsn, harmless: false })
    }
  }

  private nextPlace(): CommitPlace {
    if (!this.transaction) throw new RangeError('a change came outside a transaction')
    return { ...this.transaction.commit, index: this.transaction.nextIndex++ }
  }
}

/** On an insert with the value, and on an update whose old value was another one (DESIGN 5). */
function becomes(
  { column, becomes: value }: MappedEvent,
  operation: Operation,
  old: Row | undefined,
  row: Row,
): boolean {
  if (row[column] !== value) return false
  return operation === 'insert' || (operation === 'update' && old?.[column] !== undefined && old[column] !== value)
}

const pick = (values: Readonly<Record<string, string>>, row: Row): Row =>
  Object.fromEntries(
    Object.entries(values).flatMap(([alias, column]) => (row[column] === undefined ? [] : [[alias, row[column]]])),
  )

const sameKey = (left: Row, right: Row): boolean =>
  Object.keys(left).length > 0 && Object.entries(left).every(([column, value]) => right[column] === value)
