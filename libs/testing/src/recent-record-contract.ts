import { parseSnapshot, refuseFill } from '@freshet/coherence'
import { lsn, xid } from '@freshet/pgoutput'
import { describe, expect, it } from 'vitest'
import { early, far, fenceOf, floorAt, high, late, low, middle, shard, tag, type RedisScene } from './redis-scene.js'

/** What every RedisPort does to recent records (R6 to R9). */
export function recentRecordContract(scene: () => RedisScene): void {
  describe('recent records', () => {
    it('a missing record stays missing when a transaction is added: lost history is seen as lost (R6)', async () => {
      await scene()
        .session()
        .fence(fenceOf({ xid: early, lsn: low }))
      const { recent } = await scene().captured()
      expect(recent).toEqual({ missing: true, transactions: [], pruned: undefined, floor: undefined })
      expect(refuseFill([recent], { role: 'primary' })).toBe('history-lost')
    })

    it('a fence notes its transactions exactly and rotates its tags (R7)', async () => {
      await scene().settle()
      const before = await scene().captured()
      const transactions = [
        { xid: early, lsn: low },
        { xid: late, lsn: middle },
        { xid: far, lsn: high },
      ]
      await scene()
        .session()
        .fence(fenceOf(...transactions))
      const after = await scene().captured()
      expect(after.generations).not.toEqual(before.generations)
      expect(new Set(after.recent.transactions)).toEqual(new Set(transactions))
    })

    it('a fence that is repeated changes nothing but the generation', async () => {
      await scene().settle()
      const fences = fenceOf({ xid: early, lsn: middle })
      await scene().session().fence(fences)
      const once = await scene().captured()
      await scene().session().fence(fences)
      await scene()
        .session()
        .fence(fenceOf({ xid: early, lsn: low })) // an older copy does not lower the LSN
      expect((await scene().captured()).recent).toEqual(once.recent)
    })

    it('recovery stands a placeholder while the floor is taken, and keeps transactions added meanwhile (R6)', async () => {
      await scene()
        .session()
        .recover([shard], async () => {
          const { recent } = await scene().captured()
          expect(recent).toEqual({ missing: false, transactions: [], pruned: undefined, floor: 'infinity' })
          await scene()
            .session()
            .fence(fenceOf({ xid: late, lsn: middle }))
          return { floor: early, pruned: high }
        })
      const { recent } = await scene().captured()
      expect(recent).toEqual({
        missing: false,
        transactions: [{ xid: late, lsn: middle }],
        pruned: high,
        floor: early,
      })
    })

    it('two services that recover at once leave the higher floor', async () => {
      await scene()
        .session()
        .recover([shard], async () => {
          await scene().other.fences.session().recover([shard], floorAt(late, high))
          return { floor: early, pruned: low }
        })
      expect((await scene().captured()).recent).toMatchObject({ floor: late, pruned: high })
    })

    it('a record lost while its floor was taken is not brought back with that floor', async () => {
      await scene()
        .session()
        .recover([shard], async () => {
          await scene().redis.flush()
          return { floor: early, pruned: low }
        })
      expect((await scene().captured()).recent.missing).toBe(true)
    })

    it('a floor does not replace the placeholder of a later life', async () => {
      let release: () => void = () => undefined
      const released = new Promise<void>((resolve) => (release = resolve))
      let second: Promise<void> = Promise.resolve()
      await scene()
        .session()
        .recover([shard], async () => {
          await scene().redis.flush()
          await new Promise<void>((opened) => {
            second = scene()
              .other.fences.session()
              .recover([shard], async () => {
                opened()
                await released
                return { floor: late, pruned: low }
              })
          })
          return { floor: early, pruned: low }
        })
      expect((await scene().captured()).recent.floor).toBe('infinity')
      release()
      await second
      expect((await scene().captured()).recent.floor).toBe(late)
    })

    it('recovery leaves a record alone that is there', async () => {
      await scene().settle()
      const before = await scene().captured()
      await scene()
        .session()
        .recover([shard], () => Promise.reject(new Error('no floor was needed')))
      expect(await scene().captured()).toEqual(before)
    })

    it('a placeholder whose maker died is reported as missing until someone recovers it', async () => {
      const died = scene()
        .session()
        .recover([shard], () => Promise.reject(new Error('the primary is away')))
      await expect(died).rejects.toThrow('the primary is away')
      const watermark = { lsn: high, snapshot: parseSnapshot('5:5:') }
      expect(await scene().session().prune([shard], watermark)).toEqual({ missing: [shard], busy: [] })
      await scene().session().recover([shard], floorAt(7n))
      expect(await scene().session().prune([shard], watermark)).toEqual({ missing: [], busy: [shard] })
    })

    it('a gap raises the floor before it rotates, and leaves no lower one (R9)', async () => {
      await scene().settle()
      const before = await scene().captured()
      await scene()
        .session()
        .gap([tag], async () => {
          expect((await scene().captured()).generations).toEqual(before.generations)
          return { floor: late, pruned: middle }
        })
      await scene().session().gap([tag], floorAt(early, low))
      const after = await scene().captured()
      expect(after.recent).toMatchObject({ missing: false, floor: late, pruned: middle })
      expect(after.generations).not.toEqual(before.generations)
    })

    it('a gap during a recovery is not undone by that recovery', async () => {
      await scene()
        .session()
        .recover([shard], async () => {
          await scene().other.fences.session().gap([tag], floorAt(late, high))
          return { floor: early, pruned: low }
        })
      expect((await scene().captured()).recent).toMatchObject({ floor: late, pruned: high })
    })

    it("a gap of a template's tag covers every shard", async () => {
      await scene()
        .session()
        .gap([{ text: '*member:{id}:balance', shard: 'all' }], floorAt(9n))
      const outcome = await scene()
        .session()
        .prune('all', { lsn: lsn(1n), snapshot: parseSnapshot('9:9:') })
      expect(outcome.missing).toEqual([])
      expect(outcome.busy).toHaveLength(1024)
    })

    it('pruning takes only what the snapshot sees and the watermark covers, and raises pruned with it (R8)', async () => {
      await scene().settle()
      const running = xid(late + 1n)
      await scene()
        .session()
        .fence(
          fenceOf(
            { xid: early, lsn: low }, // visible, covered
            { xid: late, lsn: high }, // visible, its LSN is above the watermark
            { xid: running, lsn: low }, // still running
            { xid: far, lsn: low }, // not yet begun
          ),
        )
      const snapshot = parseSnapshot(`${running}:${running + 5n}:${running}`)
      const outcome = await scene().session().prune([shard], { lsn: middle, snapshot })
      expect(outcome).toEqual({ missing: [], busy: [shard] })
      const { recent } = await scene().captured()
      expect(recent.pruned).toBe(low)
      expect(recent.transactions.map((each) => each.xid).sort()).toEqual([late, running, far].sort())
    })

    it('pruning removes a floor only once xmin is above it, and never forgets the record itself', async () => {
      await scene().session().recover([shard], floorAt(early, low))
      const at = (xmin: bigint) => ({ lsn: high, snapshot: parseSnapshot(`${xmin}:${xmin}:`) })
      expect(await scene().session().prune([shard], at(early))).toEqual({ missing: [], busy: [shard] })
      expect(await scene().session().prune([shard], at(late))).toEqual({ missing: [], busy: [] })
      expect((await scene().captured()).recent).toEqual({
        missing: false,
        transactions: [],
        pruned: low,
        floor: undefined,
      })
    })
  })
}
