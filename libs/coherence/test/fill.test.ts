import { lsn, xid, type Lsn } from '@freshet/pgoutput'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isVisible,
  needsSnapshot,
  parseSnapshot,
  refuseFill,
  type CapturedRecent,
  type Snapshot,
} from '../src/index.js'
import { anyCapture, anyLsn, anySnapshot } from './arbitraries.js'

const history = { systemId: '7', timeline: 2 }
const onPrimary = (captured: readonly CapturedRecent[], snapshot?: Snapshot) =>
  refuseFill(captured, { role: 'primary', snapshot, history }, history)

const calm: CapturedRecent = { missing: false, transactions: [], pruned: undefined, floor: undefined }
const captures = fc.array(
  anyCapture.map((capture) => ({ ...capture, missing: false })),
  { minLength: 1, maxLength: 3 },
)

describe('a load is stored only if it saw all that fenced its tags', () => {
  it('exactly when every captured transaction is visible and every floor has passed', () => {
    fc.assert(
      fc.property(captures, anySnapshot, (captured, snapshot) => {
        const sound = captured.every(
          ({ floor, transactions }) =>
            (floor === undefined || (floor !== 'infinity' && snapshot.xmin > floor)) &&
            transactions.every((each) => isVisible(each.xid, snapshot)),
        )
        expect(onPrimary(captured, snapshot) === undefined).toBe(sound)
      }),
    )
  })

  it('never where any record is missing (R6)', () => {
    fc.assert(
      fc.property(captures, anySnapshot, (captured, snapshot) => {
        const lost = [...captured, { ...calm, missing: true }]
        expect(onPrimary(lost, snapshot)).toBe('history-lost')
      }),
    )
  })

  it('never from within a transaction that the caller opened (R11), nor from a server in recovery', () => {
    expect(refuseFill([calm], { role: 'primary', callersTransaction: true })).toBe('callers-transaction')
    expect(refuseFill([calm], { role: 'primary', inRecovery: true })).toBe('not-primary')
    expect(refuseFill([calm], { role: 'primary' })).toBeUndefined()
  })

  it('a further capture never makes storable what was not', () => {
    fc.assert(
      fc.property(captures, anyCapture, anySnapshot, (captured, further, snapshot) => {
        if (onPrimary(captured, snapshot) === undefined) return
        expect(onPrimary([...captured, further], snapshot)).toBeDefined()
      }),
    )
  })

  it('names the rule that forbids it', () => {
    const snapshot = parseSnapshot('10:20:10,12')
    const under = (recent: Partial<CapturedRecent>) => onPrimary([{ ...calm, ...recent }], snapshot)
    expect(under({ floor: xid(10n) })).toBe('below-floor')
    expect(under({ floor: xid(9n) })).toBeUndefined()
    expect(under({ transactions: [{ xid: xid(12n), lsn: lsn(1n) }] })).toBe('not-visible')
    expect(under({ transactions: [{ xid: xid(20n), lsn: lsn(1n) }] })).toBe('not-visible')
    expect(under({ transactions: [{ xid: xid(11n), lsn: lsn(1n) }] })).toBeUndefined()
    const captured = [{ ...calm, floor: xid(9n) }]
    expect(onPrimary(captured)).toBe('no-snapshot')
  })
})

describe('a load from a standby is stored only if the standby had replayed all that fenced its tags', () => {
  const from = (captured: readonly CapturedRecent[], replayLsn: Lsn | undefined, snapshot = parseSnapshot('10:20:')) =>
    refuseFill(captured, { role: 'standby', replayLsn, snapshot, history }, history)

  it('exactly when each captured transaction is below xmin or replayed (R4), and all that was pruned is (R5)', () => {
    fc.assert(
      fc.property(captures, anyLsn, anySnapshot, (captured, replayLsn, snapshot) => {
        const sound = captured.every(
          ({ floor, pruned, transactions }) =>
            (floor === undefined || (floor !== 'infinity' && snapshot.xmin > floor)) &&
            (pruned === undefined || pruned <= replayLsn) &&
            transactions.every((each) => each.xid < snapshot.xmin || each.lsn <= replayLsn),
        )
        expect(from(captured, replayLsn, snapshot) === undefined).toBe(sound)
      }),
    )
  })

  it('a transaction that its snapshot does not list is not taken for ended', () => {
    const running = { ...calm, transactions: [{ xid: xid(15n), lsn: lsn(9n) }] }
    expect(from([running], lsn(8n))).toBe('standby-behind')
    expect(from([running], lsn(9n))).toBeUndefined()
  })

  it('never where it follows another timeline than the watermarks, or nothing is known of either', () => {
    const snapshot = parseSnapshot('10:20:')
    const view = { role: 'standby', replayLsn: lsn(9n), snapshot, history } as const
    expect(refuseFill([calm], view)).toBe('other-history')
    expect(refuseFill([calm], view, { ...history, timeline: 3 })).toBe('other-history')
    expect(refuseFill([calm], { ...view, history: undefined }, history)).toBe('other-history')
    expect(from([calm], undefined)).toBe('no-snapshot')
  })
})

it('a load from a primary that was left behind by a promotion is not stored', () => {
  const captured = [{ ...calm, transactions: [{ xid: xid(3n), lsn: lsn(1n) }] }]
  const history = { systemId: '7', timeline: 1 }
  const view = { role: 'primary', snapshot: parseSnapshot('10:20:'), history } as const
  expect(refuseFill(captured, view, { ...history, timeline: 2 })).toBe('other-history')
  expect(refuseFill(captured, view, history)).toBeUndefined()
})

describe('a snapshot is asked for only where it can decide', () => {
  it('without need for one, any or none gives the same answer', () => {
    fc.assert(
      fc.property(fc.array(anyCapture), anySnapshot, (captured, snapshot) => {
        if (needsSnapshot(captured)) return
        expect(onPrimary(captured, snapshot)).toBe(refuseFill(captured, { role: 'primary' }))
      }),
    )
  })

  it('with need for one, a load without it is refused', () => {
    fc.assert(
      fc.property(fc.array(anyCapture), (captured) => {
        if (needsSnapshot(captured)) expect(onPrimary(captured)).toBe('no-snapshot')
      }),
    )
  })
})

it('a source without transactions has lease strength: the recent records do not matter', () => {
  fc.assert(
    fc.property(fc.array(anyCapture), (captured) => {
      expect(refuseFill(captured, { role: 'none' })).toBeUndefined()
    }),
  )
})
