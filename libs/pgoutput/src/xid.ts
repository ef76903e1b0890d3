declare const xidBrand: unique symbol

/** A 64-bit transaction id (`xid8`): never reused, so that two ids can be compared for good. */
export type Xid = bigint & { readonly [xidBrand]: true }

/** Brands a 64-bit number as a transaction id. */
export const xid = (id: bigint): Xid => id as Xid

/**
 * Widens pgoutput's 32-bit transaction id with any recent 64-bit id of the same server (DESIGN 7):
 * the result is the one 64-bit id with those low bits that lies within 2^31 of the reference.
 */
export function widenXid(low32: number, reference: Xid): Xid {
  const distance = BigInt.asIntN(32, BigInt(low32) - BigInt.asUintN(32, reference))
  return xid(reference + distance)
}
