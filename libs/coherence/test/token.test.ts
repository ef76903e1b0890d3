import { lsn, xid } from '@freshet/pgoutput'
import { expect, it } from 'vitest'
import { contains, isHonoured, parseSnapshot, shownByStandby, type CommitToken } from '../src/index.js'

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
