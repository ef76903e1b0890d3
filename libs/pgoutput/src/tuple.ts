import type { ByteReader } from './byte-reader.js'

/** A row as it lies in a message: nothing of it is read until somebody asks (`RowDecoder`). */
export interface TupleView {
  readonly bytes: Buffer
  /** Of the tuple's column count. */
  readonly start: number
}

/** How a column comes: as null, not at all (TOAST that did not change), as text, as the type's binary form. */
export const columnKind = { null: 0x6e, unchanged: 0x75, text: 0x74, binary: 0x62 } as const

/** Steps over a tuple and leaves a view of it. */
export function viewTuple(reader: ByteReader): TupleView {
  const view = { bytes: reader.bytes, start: reader.offset }
  const columns = reader.int16()
  for (let column = 0; column < columns; column++) {
    const kind = reader.uint8()
    if (kind === columnKind.text || kind === columnKind.binary) reader.skip(reader.int32())
    else if (kind !== columnKind.null && kind !== columnKind.unchanged) reader.fail(`a column of kind ${kind}`)
  }
  return view
}
