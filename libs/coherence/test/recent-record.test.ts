import { lsn, xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addTransactions,
  captureOf,
  isPrunable,
  openRecord,
  pruneRecord,
  refuseFill,
  setFloor,
  type RecentRecord,
} from '../src/index.js'
import { anyFloor, anyLsn, anyMoment, anySnapshot, anyTransaction, anyXid, laterThan } from './arbitraries.js'

const history = { systemId: '7', timeline: 1 }

const transactions = fc.array(anyTransaction, { maxLength: 5 })
const anyRecord: fc.Arbitrary<RecentRecord> = fc
  .record({
    added: transactions,
    pruned: fc.option(anyLsn, { nil: undefined }),
    floor: fc.option(anyFloor, { nil: undefined }),
  })
  .map(({ added, pruned, floor }) => ({
    life: 'a',
    transactions: new Map(added.map((each) => [each.xid, each.lsn])),
    pruned,
    floor,
  }))
const taken = fc.record({ floor: anyXid, pruned: anyLsn })

describe('adding', () => {
  it('is safe to repeat and to reorder', () => {
    fc.assert(
      fc.property(anyRecord, transactions, transactions, (record, first, second) => {
        const once = addTransactions(addTransactions(record, first), second)
        expect(addTransactions(once, first)).toEqual(once)
        expect(addTransactions(addTransactions(record, second), first)).toEqual(once)
      }),
    )
  })

  it('never creates a record (R6)', () => {
    fc.assert(
      fc.property(transactions, (added) => {
        expect(addTransactions(undefined, added)).toBeUndefined()
      }),
    )
  })
})

describe('pruning (R8)', () => {
  it('changes no decision on a load whose snapshot is not older than the watermark', () => {
    const scene = anyMoment.chain((watermark) =>
      fc.record({ watermark: fc.constant(watermark), record: anyRecord, snapshot: laterThan(watermark.snapshot) }),
    )
    fc.assert(
      fc.property(scene, ({ watermark, record, snapshot }) => {
        const view = { role: 'primary', snapshot, history } as const
        const before = refuseFill([captureOf(record)], view, history)
        expect(refuseFill([captureOf(pruneRecord(record, watermark))], view, history)).toBe(before)
      }),
      { numRuns: 2_000 },
    )
  })

  it('leaves pruned at or above the LSN of all that it takes, and never lowers it', () => {
    fc.assert(
      fc.property(anyRecord, anyMoment, (record, watermark) => {
        const after = pruneRecord(record, watermark)
        for (const [id, position] of record.transactions) {
          const gone = !after?.transactions.has(id)
          expect(gone).toBe(isPrunable({ xid: id, lsn: position }, watermark))
          if (gone) expect((after?.pruned ?? 0n) >= position).toBe(true)
        }
        if (record.pruned !== undefined) expect((after?.pruned ?? 0n) >= record.pruned).toBe(true)
      }),
    )
  })

  it('keeps what is visible but whose LSN the watermark does not cover', () => {
    const snapshot = { xmin: xid(9n), xmax: xid(9n), running: [] }
    const recent = { xid: xid(5n), lsn: lsn(7n) }
    expect(isPrunable(recent, { lsn: lsn(6n), snapshot })).toBe(false)
    expect(isPrunable(recent, { lsn: lsn(7n), snapshot })).toBe(true)
  })
})

describe('floors (R6, R9)', () => {
  it('of two services the higher floor stays, in whichever order they set it', () => {
    fc.assert(
      fc.property(anyRecord, taken, taken, (record, one, other) => {
        const forth = setFloor(setFloor(record, 'a', one), 'a', other)
        expect(setFloor(setFloor(record, 'a', other), 'a', one)).toEqual(forth)
        expect(forth?.floor !== 'infinity' && (forth?.floor ?? 0n) >= one.floor).toBe(true)
      }),
    )
  })

  it('is set only on the record that was opened for it', () => {
    fc.assert(
      fc.property(anyRecord, taken, (record, floor) => {
        expect(setFloor(record, 'another life', floor)).toEqual(record)
        expect(setFloor(undefined, 'a', floor)).toBeUndefined()
      }),
    )
  })

  it('while the placeholder stands nothing is stored, whatever the snapshot', () => {
    fc.assert(
      fc.property(transactions, anySnapshot, (added, snapshot) => {
        const record = addTransactions(openRecord(undefined, 'b'), added)
        expect(refuseFill([captureOf(record)], { role: 'primary', snapshot })).toBe('below-floor')
      }),
    )
  })

  it('opening leaves a record as it is', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        expect(openRecord(record, 'b')).toBe(record)
      }),
    )
  })
})
