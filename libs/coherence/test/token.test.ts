import { lsn, xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  contains,
  formatToken,
  isHonoured,
  parseSnapshot,
  parseToken,
  shownByStandby,
  type CommitToken,
} from '../src/index.js'

const history = { systemId: '7', timeline: 1 }
const inside = (id: bigint, position = 0n): CommitToken => ({ ...history, xid: xid(id), after: lsn(position) })
const after = (position: bigint): CommitToken => ({ ...history, lsn: lsn(position) })
const applied = { ...history, snapshot: parseSnapshot('10:20:10,15'), lsn: lsn(100n), databaseTimeMs: 0 }

it('a token taken inside a transaction is honoured once the applied watermark shows it', () => {
  expect(isHonoured(inside(9n), applied)).toBe(true)
  expect(isHonoured(inside(12n), applied)).toBe(true)
  expect(isHonoured(inside(15n), applied)).toBe(false) // still running
  expect(isHonoured(inside(20n), applied)).toBe(false) // not begun
})

it('an id that a crash gave out again is not the one that was shown before the crash', () => {
  expect(isHonoured(inside(9n, 100n), applied)).toBe(true)
  expect(isHonoured(inside(9n, 101n), applied)).toBe(false) // its transaction wrote behind all that was shown
})

it('a token taken after a commit is honoured once that position is applied', () => {
  expect(isHonoured(after(100n), applied)).toBe(true)
  expect(isHonoured(after(101n), applied)).toBe(false)
})

it('an unknown watermark and another history honour nothing: an xid may have been given out again', () => {
  expect(isHonoured(inside(9n), undefined)).toBe(false)
  expect(isHonoured({ ...inside(9n), timeline: 2 }, applied)).toBe(false)
  expect(isHonoured({ ...after(1n), systemId: '8' }, applied)).toBe(false)
})

it('a standby, whose snapshots do not list running transactions, contains only what it has replayed', () => {
  const shown = shownByStandby(history, lsn(50n), parseSnapshot('10:20:'))
  expect(contains(shown, inside(9n))).toBe(true)
  expect(contains(shown, inside(12n))).toBe(false)
  expect(contains(shown, after(50n))).toBe(true)
  expect(contains(shown, after(51n))).toBe(false)
})

it('a token travels as text that fits into a header and a cookie, and comes back as it was', () => {
  const anyToken = fc
    .tuple(fc.nat(), fc.boolean(), fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n))
    .map(([timeline, isInside, id, position]): CommitToken => {
      const from = { systemId: '7423110238192', timeline }
      return isInside ? { ...from, xid: xid(id), after: lsn(position) } : { ...from, lsn: lsn(position) }
    })
  fc.assert(
    fc.property(anyToken, (token) => {
      expect(formatToken(token)).toMatch(/^1\.[\w-]+$/)
      expect(parseToken(formatToken(token))).toEqual(token)
    }),
  )
})

it('what is no token is none: another version, a part of one, anything at all', () => {
  const text = formatToken(after(5n))
  for (const wrong of ['', '1.', `2${text.slice(1)}`, text.slice(0, 5), `${text}.x`, `1.${btoa('7/1/z9')}`])
    expect(parseToken(wrong), wrong).toBeUndefined()
  fc.assert(
    fc.property(fc.string(), (wrong) => {
      expect(parseToken(wrong)).toBeUndefined()
    }),
  )
})
