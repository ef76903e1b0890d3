import {
  addTransactions,
  captureOf,
  openRecord,
  pruneRecord,
  setFloor,
  type CapturedRecent,
  type Moment,
  type RecentRecord,
  type RecentTransaction,
  type TakenFloor,
} from '@freshet/coherence'
import { lsn, xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { call, Connection } from '../src/connection.js'
import { parseRecent } from '../src/recent-fields.js'
import { hashReply } from '../src/replies.js'
import { addTransactionsScript, openRecordScript, pruneScript, setFloorScript } from '../src/scripts.js'
import { startRealRedis, type RealRedis } from './real-redis.js'

const key = '{scripts:7}:r'
let redis: RealRedis
let connection: Connection

beforeAll(async () => {
  redis = await startRealRedis('scripts')
  connection = new Connection({ url: redis.url, role: 'service' })
  await new Promise<void>((resolve) => connection.onReady(resolve))
})
afterAll(async () => {
  connection.close()
  await redis.stop()
})

// Few numbers, so that they meet; where the number of digits changes, and where doubles and signed integers end.
const edges = [1n, 9n, 10n, 11n, 99n, 100n, ...around(2n ** 53n), ...around(2n ** 63n), 2n ** 64n - 1n]
const number = fc.constantFrom(...edges)

const transaction: fc.Arbitrary<RecentTransaction> = fc.record({ xid: number.map(xid), lsn: number.map(lsn) })
const taken: fc.Arbitrary<TakenFloor> = fc.record({ floor: number.map(xid), pruned: number.map(lsn) })
const moment: fc.Arbitrary<Moment> = fc
  .tuple(number, number, fc.uniqueArray(number, { maxLength: 4 }), number)
  .map(([one, other, running, closed]) => {
    const [xmin, xmax] = one < other ? [one, other] : [other, one]
    const between = running.filter((id) => id >= xmin && id < xmax).map(xid)
    return { lsn: lsn(closed), snapshot: { xmin: xid(xmin), xmax: xid(xmax), running: between } }
  })

type Step =
  | { readonly add: readonly RecentTransaction[] }
  | { readonly open: string }
  | { readonly set: TakenFloor; readonly life: string }
  | { readonly prune: Moment }
  | { readonly lose: true }

const life = fc.constantFrom('life-1', 'life-2')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: fc.array(transaction, { minLength: 1, maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ open: life }) },
  { weight: 3, arbitrary: fc.record({ set: taken, life }) },
  { weight: 4, arbitrary: fc.record({ prune: moment }) },
  { weight: 1, arbitrary: fc.record({ lose: fc.constant(true as const) }) },
)

it('the scripts decide as the pure functions do, whatever the order and size of the numbers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      await redis.direct.del(key)
      let record: RecentRecord | undefined
      for (const each of [{ open: 'life-1' }, ...steps] satisfies Step[]) {
        record = decide(record, each)
        const reply = await perform(each)
        expect(await stored()).toEqual(sorted(captureOf(record)))
        if ('prune' in each) expect(reply).toBe(held(record))
        if ('open' in each) expect(reply).toEqual([record?.life, floorText(record)])
      }
    }),
    { numRuns: 400 },
  )
})

it('a record with more transactions than one command takes is pruned whole', async () => {
  const many = Array.from({ length: 2_500 }, (_, position) => ({ xid: xid(BigInt(position)), lsn: lsn(1n) }))
  await redis.direct.del(key)
  await perform({ open: 'life-1' })
  await perform({ add: many })
  const all = { lsn: lsn(1n), snapshot: { xmin: xid(5_000n), xmax: xid(5_000n), running: [] } }
  await perform({ set: { floor: xid(9n), pruned: lsn(0n) }, life: 'life-1' })
  expect(await perform({ prune: all })).toBe(0)
  expect(await redis.direct.hgetall(key)).toEqual({ life: 'life-1', pruned: '1' })
})

function decide(record: RecentRecord | undefined, each: Step): RecentRecord | undefined {
  if ('add' in each) return addTransactions(record, each.add)
  if ('open' in each) return openRecord(record, each.open)
  if ('set' in each) return setFloor(record, each.life, each.set)
  if ('prune' in each) return pruneRecord(record, each.prune)
  return undefined
}

async function perform(each: Step): Promise<unknown> {
  if ('add' in each) return run(addTransactionsScript, ...each.add.flatMap((added) => [added.xid, added.lsn]))
  if ('open' in each) return run(openRecordScript, each.open)
  if ('set' in each) return run(setFloorScript, each.life, each.set.floor, each.set.pruned)
  if ('lose' in each) return redis.direct.del(key)
  const { lsn: closed, snapshot } = each.prune
  return run(pruneScript, closed, snapshot.xmin, snapshot.xmax, ...snapshot.running)
}

async function run(script: Parameters<typeof call>[0], ...parameters: (string | bigint)[]): Promise<unknown> {
  const [reply] = await connection.pipeline([call(script, key, ...parameters.map(String))])
  return reply
}

const stored = async (): Promise<CapturedRecent> => sorted(parseRecent(hashReply(await redis.direct.hgetall(key))))

const sorted = (recent: CapturedRecent): CapturedRecent => ({
  ...recent,
  transactions: recent.transactions.toSorted((one, other) => (one.xid < other.xid ? -1 : 1)),
})

function held(record: RecentRecord | undefined): number {
  if (record === undefined) return -1
  if (record.floor === 'infinity') return -2
  return record.transactions.size + (record.floor === undefined ? 0 : 1)
}

function floorText(record: RecentRecord | undefined): string | null {
  if (record?.floor === undefined) return null
  return record.floor === 'infinity' ? 'inf' : record.floor.toString()
}

function around(middle: bigint): bigint[] {
  return [middle - 1n, middle, middle + 1n, middle + 2n]
}
