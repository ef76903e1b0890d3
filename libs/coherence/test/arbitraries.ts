import { lsn, xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import type { CapturedRecent, Floor, Moment, RecentTransaction, Snapshot } from '../src/index.js'

// Small, so that ids meet often.
export const anyXid = fc.bigInt(1n, 24n).map(xid)
export const anyLsn = fc.bigInt(1n, 24n).map(lsn)

export const anyTransaction: fc.Arbitrary<RecentTransaction> = fc.record({ xid: anyXid, lsn: anyLsn })

export const anySnapshot: fc.Arbitrary<Snapshot> = fc
  .tuple(anyXid, anyXid, fc.uniqueArray(anyXid, { maxLength: 6 }))
  .map(([one, other, ids]) => {
    const [xmin, xmax] = one < other ? [one, other] : [other, one]
    return { xmin, xmax, running: ids.filter((id) => id >= xmin && id < xmax).toSorted((a, b) => Number(a - b)) }
  })

export const anyMoment: fc.Arbitrary<Moment> = fc.record({ lsn: anyLsn, snapshot: anySnapshot })

export const anyFloor: fc.Arbitrary<Floor> = fc.oneof(
  { weight: 5, arbitrary: anyXid },
  fc.constant('infinity' as const),
)

export const anyCapture: fc.Arbitrary<CapturedRecent> = fc.record({
  missing: fc.boolean(),
  transactions: fc.uniqueArray(anyTransaction, { maxLength: 3, selector: (each) => each.xid }),
  pruned: fc.option(anyLsn, { nil: undefined }),
  floor: fc.option(anyFloor, { nil: undefined }),
})

/** A snapshot that a statement after this one could take: more has begun, some has ended, nothing is undone. */
export const laterThan = (snapshot: Snapshot): fc.Arbitrary<Snapshot> =>
  fc.record({ begun: fc.bigInt(0n, 4n), ended: fc.uniqueArray(fc.bigInt(1n, 30n)) }).map(({ begun, ended }) => {
    const xmax = xid(snapshot.xmax + begun)
    const born = Array.from({ length: Number(begun) }, (_, each) => xid(snapshot.xmax + BigInt(each)))
    const running = [...snapshot.running, ...born].filter((id) => !ended.includes(id))
    return { xmin: running[0] ?? xmax, xmax, running }
  })
