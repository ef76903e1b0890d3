import { lsn, xid, type Lsn, type Xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  addTransactions,
  captureOf,
  openRecord,
  pruneRecord,
  refuseFill,
  setFloor,
  type Moment,
  type RecentRecord,
  type Snapshot,
  type TakenFloor,
} from '../src/index.js'

const history = { systemId: '7', timeline: 1 }

type Action = 'begin' | 'fence' | 'end' | 'lose' | 'watermark' | 'prune' | 'service-1' | 'service-2' | 'gap'
const action = fc.constantFrom<Action[]>(
  ...([
    'begin',
    'begin',
    'fence',
    'fence',
    'end',
    'end',
    'lose',
    'watermark',
    'prune',
    'service-1',
    'service-1',
  ] as const),
  ...(['service-1', 'service-2', 'service-2', 'service-2', 'gap'] as const),
)

/** One of the services that recover the record, between the steps of R6. */
interface Recovery {
  readonly life: string
  readonly taken?: TakenFloor
}

/** A shard's record between writers whose commits are decoded before they are visible, services, losses and watermarks. */
class Shard {
  private record: RecentRecord | undefined
  private readonly running = new Set<Xid>()
  private readonly fenced = new Set<Xid>()
  private readonly recoveries = new Map<Action, Recovery>()
  private nextXid = 1n
  private position: Lsn = lsn(1n)
  private watermark: Moment | undefined
  private lives = 0

  do(what: Action, choice: number): void {
    const chosen = [...this.running][choice % Math.max(1, this.running.size)]
    if (what === 'begin') this.running.add(xid(this.nextXid++))
    else if (what === 'fence' && chosen !== undefined) this.fence(chosen)
    else if (what === 'end' && chosen !== undefined) this.running.delete(chosen)
    else if (what === 'lose') this.record = undefined
    else if (what === 'watermark') this.watermark = { lsn: this.position, snapshot: this.snapshot() }
    else if (what === 'prune' && this.watermark) this.record = pruneRecord(this.record, this.watermark)
    else if (what === 'service-1' || what === 'service-2' || what === 'gap') this.recover(what)
  }

  /** Fenced, and not yet visible to any load: such a load brings back what was fenced. */
  get unseen(): readonly Xid[] {
    return [...this.running].filter((id) => this.fenced.has(id))
  }

  refusal() {
    return refuseFill([captureOf(this.record)], { role: 'primary', snapshot: this.snapshot(), history }, history)
  }

  private fence(id: Xid): void {
    this.position = lsn(this.position + 1n)
    this.fenced.add(id)
    this.record = addTransactions(this.record, [{ xid: id, lsn: this.position }])
  }

  private recover(service: Action): void {
    const recovery = this.recoveries.get(service)
    if (recovery === undefined) {
      this.record = openRecord(this.record, `life-${++this.lives}`)
      this.recoveries.set(service, { life: this.record.life })
    } else if (recovery.taken === undefined) {
      const floor = xid(this.nextXid++) // pg_current_xact_id(), of a transaction that ends at once
      this.recoveries.set(service, { ...recovery, taken: { floor, pruned: this.position } })
    } else {
      this.record = setFloor(this.record, recovery.life, recovery.taken)
      this.recoveries.delete(service)
    }
  }

  private snapshot(): Snapshot {
    const running = [...this.running]
    return { xmin: running[0] ?? xid(this.nextXid), xmax: xid(this.nextXid), running }
  }
}

it('a load that cannot see a fenced transaction is refused, whatever was lost, recovered or pruned in between', () => {
  let stored = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(action, fc.nat(9)), { minLength: 20, maxLength: 60 }), (steps) => {
      const shard = new Shard()
      for (const [what, choice] of steps) {
        shard.do(what, choice)
        const refusal = shard.refusal()
        if (refusal === undefined) stored++
        if (shard.unseen.length > 0) expect(refusal, `unseen: ${shard.unseen.join(', ')}`).toBeDefined()
      }
    }),
    { numRuns: 3_000 },
  )
  expect(stored, 'a rule that refuses everything proves nothing').toBeGreaterThan(1_000)
})
