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
  type LogicalMessage,
  type Message,
  type Relation,
  type Truncate,
  type Xid,
} from '@freshet/pgoutput'
import { noWatchedTables, type MappedEvent, type WatchedTables } from '../watched-tables.js'
import type { TopicLayout } from './topic-layout.js'
import { WatchedRelation, type RowChange } from './watched-relation.js'

/** A service emitted something under this namespace's prefix that no catalog can mean. */
export interface UnusableMessage {
  readonly reason: string
  /** Is it sure that no rule rests on it? Else it has to be treated as a gap. */
  readonly harmless: boolean
}

interface OpenTransaction {
  readonly commit: CommitStamp
  nextIndex: number
}

/** A delete of a partitioned table's row, held until the next message shows whether the row only moved. */
interface HeldDelete {
  readonly relation: WatchedRelation
  readonly change: RowChange
}

/**
 * Turns the messages of the stream, in order, into records. Pure but for what it remembers: the open transaction, the
 * relations that were described, a delete that may be half of a move.
 */
export class TransactionReader {
  private watched = noWatchedTables
  private readonly descriptions = new Map<number, Relation>()
  private readonly relations = new Map<number, WatchedRelation>()
  private transaction: OpenTransaction | undefined
  private held: HeldDelete | undefined
  private records: OutgoingRecord[] = []
  private readonly messagePrefix: string

  /** The end of the last commit that was read. */
  position: Lsn = lsn(0n)

  constructor(
    private readonly source: string,
    namespace: string,
    private readonly layout: TopicLayout,
    private xidReference: Xid,
    private readonly onUnusableMessage: (message: UnusableMessage) => void,
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

  /** The records of one message, in order. */
  read(message: Message): readonly OutgoingRecord[] {
    this.records = []
    if (this.held && !(message.kind === 'insert' && this.relations.get(message.relationOid) === this.held.relation))
      this.releaseHeld()
    this.take(message)
    return this.records
  }

  private take(message: Message): void {
    switch (message.kind) {
      case 'begin':
        this.transaction = {
          commit: { lsn: lsn(message.finalLsn + 1n), xid: widenXid(message.xid32, this.xidReference), at: message.at },
          nextIndex: 0,
        }
        return
      case 'commit':
        this.transaction = undefined
        this.position = message.endLsn
        return
      case 'relation':
        this.descriptions.set(message.oid, message)
        this.describe(message)
        return
      case 'insert': {
        const relation = this.relations.get(message.relationOid)
        if (relation) this.insert(relation, relation.inserted(message.new))
        return
      }
      case 'update': {
        const relation = this.relations.get(message.relationOid)
        if (relation) this.change(relation, 'update', relation.updated(message.old, message.new))
        return
      }
      case 'delete': {
        const relation = this.relations.get(message.relationOid)
        if (!relation) return
        const change = relation.deleted(message.old)
        if (relation.table.partitioned) this.held = { relation, change }
        else this.change(relation, 'delete', change)
        return
      }
      case 'truncate':
        this.truncate(message)
        return
      case 'message':
        this.emitted(message)
        return
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

  private insert(relation: WatchedRelation, change: RowChange): void {
    const { held } = this
    this.held = undefined
    if (held && sameRow(held.change.key, change.key))
      return this.change(relation, 'update', relation.moved(held.change, change))
    if (held) this.change(relation, 'delete', held.change)
    this.change(relation, 'insert', change)
  }

  private releaseHeld(): void {
    const { held } = this
    this.held = undefined
    if (held) this.change(held.relation, 'delete', held.change)
  }

  private change({ table }: WatchedRelation, operation: Operation, change: RowChange): void {
    const commit = this.nextPlace()
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
    this.records.push(this.layout.place(this.layout.changes(table.entity), record))
    for (const event of table.events) {
      if (!change.new || !becomes(event, operation, change.old, change.new)) continue
      const values = pick(event.values, change.new)
      const mapped = encodeDomainEvent({ source: this.source, name: event.name, key, values, emitted: false, commit })
      this.records.push(this.layout.place(this.layout.events(table.entity), mapped))
    }
  }

  /** Once to every partition, under one id: each of them may hold records of rows that are gone. */
  private truncate({ relationOids }: Truncate): void {
    for (const oid of relationOids) {
      const table = this.relations.get(oid)?.table
      if (!table) continue
      const commit = this.nextPlace()
      const record = encodeChange({
        source: this.source,
        entity: table.entity,
        table: table.table,
        operation: 'truncate',
        key: null,
        commit,
      })
      for (const place of this.layout.partitionsOf(this.layout.changes(table.entity)))
        this.records.push({ ...place, ...record })
    }
  }

  private emitted({ transactional, prefix, content }: LogicalMessage): void {
    if (prefix !== this.messagePrefix) return
    if (!transactional)
      return this.onUnusableMessage({
        reason: 'it was emitted outside its transaction (pg_logical_emit_message(false, ...))',
        harmless: true,
      })
    try {
      const { event, parameters } = decodeEmittedEvent(content)
      const declared = this.watched.emitted.get(event)
      if (!declared) return this.onUnusableMessage({ reason: `no catalog declares the event ${event}`, harmless: true })
      const record = encodeDomainEvent({
        source: this.source,
        name: event,
        key: null,
        values: parameters,
        emitted: true,
        commit: this.nextPlace(),
      })
      this.records.push(this.layout.place(this.layout.events(declared.entity), record))
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error
      this.onUnusableMessage({ reason: error.reason, harmless: false })
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

const sameRow = (left: Row, right: Row): boolean =>
  Object.keys(left).length > 0 && Object.entries(left).every(([column, value]) => right[column] === value)
