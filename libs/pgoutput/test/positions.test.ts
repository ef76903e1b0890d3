import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatLsn, lsn, parseLsn, widenXid, xid } from '../src/index.js'
import { anyLsn } from './arbitraries.js'

describe('a position in the log', () => {
  it('is printed as Postgres does, and read back', () => {
    expect(formatLsn(lsn(0x16b374d848n))).toBe('16/B374D848')
    expect(formatLsn(lsn(0n))).toBe('0/0')
    fc.assert(fc.property(anyLsn, (position) => void expect(parseLsn(formatLsn(position))).toBe(position)))
  })

  it.each(['', '0', '/', '1/', '0/123456789', 'G/0', '0/0 '])('is not read from %j', (text) => {
    expect(() => parseLsn(text)).toThrow(RangeError)
  })
})

describe('a 32-bit transaction id', () => {
  it('is widened to the 64-bit id that it was cut from, however the reference lies within half a round of it', () => {
    const half = 2n ** 31n
    fc.assert(
      fc.property(fc.bigInt(half, 2n ** 63n), fc.bigInt(-half + 1n, half - 1n), (id, distance) => {
        fc.pre(id + distance >= 0n)
        expect(widenXid(Number(BigInt.asUintN(32, id)), xid(id + distance))).toBe(id)
      }),
    )
  })

  it('goes over the wrap in both directions', () => {
    expect(widenXid(3, xid(0x1_ffff_fffen))).toBe(0x2_0000_0003n)
    expect(widenXid(0xffff_fffe, xid(0x2_0000_0003n))).toBe(0x1_ffff_fffen)
  })
})
