import { shardOf, type Tag } from '@freshet/cache-keys'
import { formatSnapshot, parseSnapshot, refuseFill, type AppliedWatermark, type TakenFloor } from '@freshet/coherence'
import { lsn, xid } from '@freshet/pgoutput'
import { FenceUnavailableError, type Cursor, type RedisPort, type ShardFence } from '@freshet/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

/** A Redis that the contract is tried on. */
export interface RedisUnderTest {
  connect(): Promise<RedisPort>
  /** Cuts all connections; resolves once each port has a new one. */
  breakConnections(): Promise<void>
  /** Loses everything. */
  flush(): Promise<void>
  stop(): Promise<void>
}

const shard = shardOf('member:42')
const tag: Tag = { text: 'member:42:*', shard }
const place = { shard, tag: tag.text }
const hour = 3_600_000
const address = { shard, fingerprint: '0123456789ab', keyText: 'member:42:balance' }
const payload = Buffer.from([0, 255, 10, 13, 200])

// Around 2^53 and 2^63, where doubles and signed numbers end.
const early = xid(2n ** 53n)
const late = xid(2n ** 53n + 1n)
const far = xid(2n ** 63n)
const [low, middle, high] = [lsn(99n), lsn(2n ** 53n + 1n), lsn(2n ** 63n + 1n)]

/** What every RedisPort keeps, whichever way it is made. */
export function redisContract(name: string, start: () => Promise<RedisUnderTest>): void {
  describe(`${name} keeps the contract of RedisPort`, () => {
    let redis: RedisUnderTest
    let port: RedisPort
    let other: RedisPort

    beforeAll(async () => {
      redis = await start()
      port = await redis.connect()
      other = await redis.connect()
    })
    beforeEach(() => redis.flush())
    afterAll(async () => {
      await port.close()
      await other.close()
      await redis.stop()
    })

    const session = () => port.fences.session()
    const floorAt =
      (floor: bigint, pruned: bigint = 0n) =>
      (): Promise<TakenFloor> =>
        Promise.resolve({ floor: xid(floor), pruned: lsn(pruned) })
    const fenceOf = (...transactions: ShardFence['transactions'][number][]): ShardFence[] => [
      { shard, tags: [tag.text], transactions },
    ]
    /** A record as it is when nothing happened lately: recovered, its floor passed. */
    const settle = async () => {
      await session().recover([shard], floorAt(10n, 5n))
      await session().prune([shard], { lsn: lsn(6n), snapshot: parseSnapshot('11:11:') })
    }
    const captured = async () => {
      const { generations, recents } = await port.values.capture([place], hour)
      const [recent] = recents
      if (recent === undefined) throw new Error('a capture of one shard brought no record')
      return { generations, recent }
    }

    describe('values', () => {
      it('brings back a value, bit for bit, with the generations it was filled under, in one read', async () => {
        const { generations } = await captured()
        await port.values.store(address, payload, hour, [place])
        const reply = await port.values.read({ ...address, tags: [tag.text, 'never-seen'] }, [place])
        expect(reply).toEqual({ value: payload, generations: [generations[0], null], extra: [generations[0]] })
      })

      it('captures the same generation for all until it is rotated, and another one after', async () => {
        const before = await captured()
        expect((await captured()).generations).toEqual(before.generations)
        expect(before.generations[0]).toMatch(/^[0-9a-f]{16}$/)
        await session().rotateOnly([tag])
        expect(await port.values.generations([place])).toEqual([null])
        expect((await captured()).generations).not.toEqual(before.generations)
      })

      it('captures one record for each distinct shard, in the order of first mention', async () => {
        await session().recover([7], floorAt(1n))
        const { recents } = await port.values.capture([place, { shard: 7, tag: 'a' }, { shard, tag: 'b' }], hour)
        expect(recents.map(({ missing }) => missing)).toEqual([true, false])
      })
    })

    describe('recent records', () => {
      it('a missing record stays missing when a transaction is added: lost history is seen as lost (R6)', async () => {
        await session().fence(fenceOf({ xid: early, lsn: low }))
        const { recent } = await captured()
        expect(recent).toEqual({ missing: true, transactions: [], pruned: undefined, floor: undefined })
        expect(refuseFill([recent], { role: 'primary' })).toBe('history-lost')
      })

      it('a fence notes its transactions exactly and rotates its tags (R7)', async () => {
        await settle()
        const before = await captured()
        const transactions = [
          { xid: early, lsn: low },
          { xid: late, lsn: middle },
          { xid: far, lsn: high },
        ]
        await session().fence(fenceOf(...transactions))
        const after = await captured()
        expect(after.generations).not.toEqual(before.generations)
        expect(new Set(after.recent.transactions)).toEqual(new Set(transactions))
      })

      it('a fence that is repeated changes nothing but the generation', async () => {
        await settle()
        const fences = fenceOf({ xid: early, lsn: middle })
        await session().fence(fences)
        const once = await captured()
        await session().fence(fences)
        await session().fence(fenceOf({ xid: early, lsn: low })) // an older copy does not lower the LSN
        expect((await captured()).recent).toEqual(once.recent)
      })

      it('recovery stands a placeholder while the floor is taken, and keeps transactions added meanwhile (R6)', async () => {
        await session().recover([shard], async () => {
          const { recent } = await captured()
          expect(recent).toEqual({ missing: false, transactions: [], pruned: undefined, floor: 'infinity' })
          await session().fence(fenceOf({ xid: late, lsn: middle }))
          return { floor: early, pruned: high }
        })
        const { recent } = await captured()
        expect(recent).toEqual({
          missing: false,
          transactions: [{ xid: late, lsn: middle }],
          pruned: high,
          floor: early,
        })
      })

      it('two services that recover at once leave the higher floor', async () => {
        await session().recover([shard], async () => {
          await other.fences.session().recover([shard], floorAt(late, high))
          return { floor: early, pruned: low }
        })
        expect((await captured()).recent).toMatchObject({ floor: late, pruned: high })
      })

      it('a record lost while its floor was taken is not brought back with that floor', async () => {
        await session().recover([shard], async () => {
          await redis.flush()
          return { floor: early, pruned: low }
        })
        expect((await captured()).recent.missing).toBe(true)
      })

      it('a floor does not replace the placeholder of a later life', async () => {
        let release: () => void = () => undefined
        const released = new Promise<void>((resolve) => (release = resolve))
        let second: Promise<void> = Promise.resolve()
        await session().recover([shard], async () => {
          await redis.flush()
          await new Promise<void>((opened) => {
            second = other.fences.session().recover([shard], async () => {
              opened()
              await released
              return { floor: late, pruned: low }
            })
          })
          return { floor: early, pruned: low }
        })
        expect((await captured()).recent.floor).toBe('infinity')
        release()
        await second
        expect((await captured()).recent.floor).toBe(late)
      })

      it('recovery leaves a record alone that is there', async () => {
        await settle()
        const before = await captured()
        await session().recover([shard], () => Promise.reject(new Error('no floor was needed')))
        expect(await captured()).toEqual(before)
      })

      it('a placeholder whose maker died is reported as missing until someone recovers it', async () => {
        const died = session().recover([shard], () => Promise.reject(new Error('the primary is away')))
        await expect(died).rejects.toThrow('the primary is away')
        const watermark = { lsn: high, snapshot: parseSnapshot('5:5:') }
        expect(await session().prune([shard], watermark)).toEqual({ missing: [shard], busy: [] })
        await session().recover([shard], floorAt(7n))
        expect(await session().prune([shard], watermark)).toEqual({ missing: [], busy: [shard] })
      })

      it('a gap raises the floor before it rotates, and leaves no lower one (R9)', async () => {
        await settle()
        const before = await captured()
        await session().gap([tag], async () => {
          expect((await captured()).generations).toEqual(before.generations)
          return { floor: late, pruned: middle }
        })
        await session().gap([tag], floorAt(early, low))
        const after = await captured()
        expect(after.recent).toMatchObject({ missing: false, floor: late, pruned: middle })
        expect(after.generations).not.toEqual(before.generations)
      })

      it('a gap during a recovery is not undone by that recovery', async () => {
        await session().recover([shard], async () => {
          await other.fences.session().gap([tag], floorAt(late, high))
          return { floor: early, pruned: low }
        })
        expect((await captured()).recent).toMatchObject({ floor: late, pruned: high })
      })

      it("a gap of a template's tag covers every shard", async () => {
        await session().gap([{ text: '*member:{id}:balance', shard: 'all' }], floorAt(9n))
        const outcome = await session().prune('all', { lsn: lsn(1n), snapshot: parseSnapshot('9:9:') })
        expect(outcome.missing).toEqual([])
        expect(outcome.busy).toHaveLength(1024)
      })

      it('pruning takes only what the snapshot sees and the watermark covers, and raises pruned with it (R8)', async () => {
        await settle()
        const running = xid(late + 1n)
        await session().fence(
          fenceOf(
            { xid: early, lsn: low }, // visible, covered
            { xid: late, lsn: high }, // visible, its LSN is above the watermark
            { xid: running, lsn: low }, // still running
            { xid: far, lsn: low }, // not yet begun
          ),
        )
        const snapshot = parseSnapshot(`${running}:${running + 5n}:${running}`)
        const outcome = await session().prune([shard], { lsn: middle, snapshot })
        expect(outcome).toEqual({ missing: [], busy: [shard] })
        const { recent } = await captured()
        expect(recent.pruned).toBe(low)
        expect(recent.transactions.map((each) => each.xid).sort()).toEqual([late, running, far].sort())
      })

      it('pruning removes a floor only once xmin is above it, and never forgets the record itself', async () => {
        await session().recover([shard], floorAt(early, low))
        const at = (xmin: bigint) => ({ lsn: high, snapshot: parseSnapshot(`${xmin}:${xmin}:`) })
        expect(await session().prune([shard], at(early))).toEqual({ missing: [], busy: [shard] })
        expect(await session().prune([shard], at(late))).toEqual({ missing: [], busy: [] })
        expect((await captured()).recent).toEqual({ missing: false, transactions: [], pruned: low, floor: undefined })
      })
    })

    describe('state of the namespace', () => {
      const cursor = { offset: 2n ** 60n, epoch: 'e', sequence: 7n, sequenceOffset: 8n, lsn: high, timeline: 1 }

      it('brings cursors back by topic and partition, and none where none was written', async () => {
        await session().moveCursors([
          { topic: 'member.changes.v1', partition: 0, cursor },
          { topic: 'member.changes.v1', partition: 11, cursor: { offset: 0n } },
        ])
        const cursors = await session().cursors('member.changes.v1')
        expect(cursors).toEqual(
          new Map<number, Cursor>([
            [0, cursor],
            [11, { offset: 0n }],
          ]),
        )
        expect(await session().cursors('payment.changes.v1')).toEqual(new Map())
      })

      it('vouches for the least applied watermark, and for none while a partition has none', async () => {
        const mark = (position: bigint): AppliedWatermark => ({
          lsn: lsn(position),
          snapshot: parseSnapshot('10:14:11,12'),
          systemId: '7301',
          timeline: 1,
          databaseTimeMs: 1_700_000_000_000,
        })
        const [first, second] = [
          { topic: 't', partition: 0 },
          { topic: 't', partition: 1 },
        ]
        expect(await port.values.applied()).toBeUndefined()
        await session().noteApplied([{ ...first, watermark: mark(2n ** 53n + 1n) }])
        await session().expectApplied([first, second])
        expect(await port.values.applied()).toBeUndefined()
        await session().noteApplied([{ ...second, watermark: mark(2n ** 53n) }])
        expect(await port.values.applied()).toEqual(mark(2n ** 53n))
        const marks = await session().appliedWatermarks()
        expect(marks.get('t/0')?.lsn).toBe(2n ** 53n + 1n)
        expect(formatSnapshot(marks.get('t/1')?.snapshot ?? parseSnapshot('1:1:'))).toBe('10:14:11,12')
      })

      it('knows the catalogs in force, by owner and version', async () => {
        const record = { owner: 'members-api', version: '1', fingerprint: 'f', lsn: high, parameterKinds: {} }
        await session().putCatalogInForce({ ...record, parameterKinds: { balance: { id: 'integer' } } })
        await session().putCatalogInForce({ ...record, version: '2' })
        expect(await port.values.catalogInForce('members-api', '1')).toMatchObject({
          lsn: high,
          parameterKinds: { balance: { id: 'integer' } },
        })
        expect(await session().catalogsInForce()).toHaveLength(2)
        await session().removeCatalogInForce('members-api', '1')
        expect(await port.values.catalogInForce('members-api', '1')).toBeUndefined()
      })

      it('counts each partition once that has passed a gap', async () => {
        expect(await session().catalogProgress('g', 't/0')).toBe(1)
        expect(await session().catalogProgress('g', 't/0')).toBe(1)
        expect(await session().catalogProgress('g', 't/1')).toBe(2)
        expect(await session().catalogProgress('other', 't/1')).toBe(1)
      })
    })

    describe('sessions (R13)', () => {
      it('a batch that was under way cannot move its cursor on another connection', async () => {
        await settle()
        const underWay = session()
        await underWay.fence(fenceOf({ xid: early, lsn: low }))
        await redis.breakConnections()
        const move = underWay.moveCursors([{ topic: 't', partition: 0, cursor: { offset: 9n } }])
        await expect(move).rejects.toBeInstanceOf(FenceUnavailableError)
        expect(underWay.isOver()).toBe(true)
        expect(await session().cursors('t')).toEqual(new Map())
      })

      it('tells when a new connection stands, and a new session works on it', async () => {
        let told = 0
        const stop = port.fences.onReconnect(() => told++)
        await redis.breakConnections()
        stop()
        await redis.breakConnections()
        expect(told).toBe(1)
        await session().moveCursors([{ topic: 't', partition: 0, cursor: { offset: 9n } }])
        expect((await session().cursors('t')).get(0)).toEqual({ offset: 9n })
      })
    })
  })
}
