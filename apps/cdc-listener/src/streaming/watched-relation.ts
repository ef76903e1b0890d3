import type { Row } from '@freshet/events'
import { RowDecoder, type OldTuple, type Relation, type TupleView } from '@freshet/pgoutput'
import type { WatchedTable } from '../watched-tables.js'

/** What one row change was, in the watched columns. */
export interface RowChange {
  readonly old?: Row
  readonly new?: Row
  /** Names of changed columns; absent = not known. */
  readonly changed?: readonly string[]
  readonly key: Row
}

/** A watched table as the stream describes it right now: reads its tuples. */
export class WatchedRelation {
  private readonly decoder: RowDecoder
  private readonly identity: ReadonlySet<string>
  private readonly oldColumns: readonly string[]

  constructor(
    readonly table: WatchedTable,
    relation: Relation,
  ) {
    this.decoder = new RowDecoder(relation, new Set(table.watchedColumns))
    const identity = new Set(relation.columns.filter(({ isIdentity }) => isIdentity).map(({ name }) => name))
    // A partitioned table's Relation shows the root's identity, its tuples are cut by the leaf's: only facts say which.
    this.identity = table.partitioned ? new Set(table.oldColumns) : identity
    const wholeRow = relation.replicaIdentity === 'full' && !table.partitioned
    this.oldColumns = table.partitioned
      ? table.oldColumns
      : table.watchedColumns.filter((name) => wholeRow || identity.has(name))
  }

  inserted(tuple: TupleView): RowChange {
    const row = this.decoder.read(tuple)
    return { new: row, key: this.keyOf(row) }
  }

  deleted(old: OldTuple): RowChange {
    const row = this.old(old)
    return { old: row, key: this.keyOf(row) }
  }

  updated(oldTuple: OldTuple | undefined, tuple: TupleView): RowChange {
    const row = this.decoder.read(tuple)
    const old = oldTuple ? this.old(oldTuple) : this.unchangedOld(row)
    const changed = this.changed(old, row)
    return { old, new: row, key: this.keyOf(row, old), ...(changed && { changed }) }
  }

  /** A delete from one leaf and the insert into another: one update. */
  moved(deleted: RowChange, inserted: RowChange): RowChange {
    const old = deleted.old ?? {}
    const row = inserted.new ?? {}
    const changed = this.changed(old, row)
    return { old, new: row, key: inserted.key, ...(changed && { changed }) }
  }

  /** A leaf's tuple under a root that says FULL is marked as a whole row, and what was not sent reads as null in it. */
  private old({ extent, tuple }: OldTuple): Row {
    return this.decoder.read(tuple, extent === 'identity' || this.table.partitioned ? this.identity : undefined)
  }

  /** An update that comes without an old tuple left the identity's columns as they are. */
  private unchangedOld(row: Row): Row {
    return Object.fromEntries(this.oldColumns.flatMap((name) => (row[name] === undefined ? [] : [[name, row[name]]])))
  }

  /** Known only where each watched column has an old value or was not sent, which means that it did not change. */
  private changed(old: Row, row: Row): readonly string[] | undefined {
    const changed: string[] = []
    for (const name of this.table.watchedColumns) {
      if (row[name] === undefined) continue
      if (old[name] === undefined) return undefined
      if (old[name] !== row[name]) changed.push(name)
    }
    return changed
  }

  private keyOf(row: Row, otherwise: Row = {}): Row {
    const key: Record<string, Row[string]> = {}
    for (const name of this.table.keyColumns) key[name] = row[name] ?? otherwise[name] ?? null
    return key
  }
}
