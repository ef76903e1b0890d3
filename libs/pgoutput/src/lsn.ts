declare const lsnBrand: unique symbol

/** A position in the write-ahead log, in bytes from its beginning. */
export type Lsn = bigint & { readonly [lsnBrand]: true }

/** Brands a 64-bit number as a position in the write-ahead log. */
export const lsn = (position: bigint): Lsn => position as Lsn

/**
 * Reads Postgres' text of an LSN, `16/B374D848`.
 *
 * Throws RangeError when the text is not two hexadecimal halves of at most 32 bits.
 */
export function parseLsn(text: string): Lsn {
  const halves = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(text)
  if (!halves) throw new RangeError(`"${text}" is not an LSN; Postgres writes them as 16/B374D848`)
  return lsn((BigInt(`0x${halves[1]}`) << 32n) | BigInt(`0x${halves[2]}`))
}

/** Writes an LSN as Postgres does, `16/B374D848`. */
export const formatLsn = (position: Lsn): string =>
  `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`
