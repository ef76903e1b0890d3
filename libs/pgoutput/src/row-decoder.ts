import { binaryReader, textReader, type ColumnValue, type ValueReader } from './column-types.js'
import type { Relation } from './message.js'
import { columnKind, type TupleView } from './tuple.js'

/** By column name. A missing name: the column was not sent (TOAST that did not change), or it is not known. */
export type Row = Record<string, ColumnValue>

/** A column is wanted whose type comes in a binary form that nobody here can read. */
export class UnreadableColumnError extends Error {
  readonly code = 'UNREADABLE_COLUMN'
  constructor(
    readonly table: string,
    readonly column: string,
    readonly typeOid: number,
  ) {
    super(
      `${table}.${column} (type ${typeOid}) came in binary form, which is not known for that type; stream in text form`,
    )
    this.name = 'UnreadableColumnError'
  }
}

interface WantedColumn {
  readonly name: string
  readonly typeOid: number
  readonly fromText: ValueReader
  readonly fromBinary: ValueReader | undefined
}

/**
 * Reads chosen columns of one relation's tuples, in place; the others are stepped over. Made once for each Relation
 * message: which positions are wanted and how each type is read is settled then.
 */
export class RowDecoder {
  private readonly wanted: readonly (WantedColumn | undefined)[]
  private readonly last: number

  constructor(
    private readonly relation: Relation,
    names: ReadonlySet<string>,
  ) {
    this.wanted = relation.columns.map(({ name, typeOid }) =>
      names.has(name) ? { name, typeOid, fromText: textReader(typeOid), fromBinary: binaryReader(typeOid) } : undefined,
    )
    this.last = this.wanted.findLastIndex((column) => column !== undefined)
  }

  /**
   * Of a key-only tuple the other columns come as null: give the names that are real (`only`), or all are taken.
   *
   * Throws UnreadableColumnError for a binary value of a type whose binary form is not known.
   */
  read({ bytes, start }: TupleView, only?: ReadonlySet<string>): Row {
    const row: Row = {}
    let at = start + 2
    for (let column = 0; column <= this.last; column++) {
      const kind = bytes[at++]
      const wanted = this.wanted[column]
      const takes = wanted !== undefined && (only === undefined || only.has(wanted.name))
      if (kind === columnKind.null) {
        if (takes) row[wanted.name] = null
        continue
      }
      if (kind === columnKind.unchanged) continue
      const end = at + 4 + bytes.readInt32BE(at)
      if (takes)
        row[wanted.name] =
          kind === columnKind.text ? wanted.fromText(bytes, at + 4, end) : this.readBinary(wanted, bytes, at + 4, end)
      at = end
    }
    return row
  }

  private readBinary(column: WantedColumn, bytes: Buffer, start: number, end: number): ColumnValue {
    if (!column.fromBinary)
      throw new UnreadableColumnError(`${this.relation.schema}.${this.relation.name}`, column.name, column.typeOid)
    return column.fromBinary(bytes, start, end)
  }
}
