import { formatSnapshot, parseSnapshot, windowEntry, type AppliedWatermark } from '@freshet/coherence'
import { lsn } from '@freshet/pgoutput'
import { FenceUnavailableError, type Cursor, type ShardFence } from '@freshet/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from './eventually.js'
import { recentRecordContract } from './recent-record-contract.js'
import {
  early,
  fenceOf,
  floorAt,
  high,
  hour,
  low,
  place,
  RedisScene,
  shard,
  tag,
  type RedisUnderTest,
} from './redis-scene.js'

const address = { shard, fingerprint: '0123456789ab', keyText: 'member:42:balance' }
const payload = Buffer.from([0, 255, 10, 13, 200])

/** What every RedisPort keeps, whichever way it is made. */
export function redisContract(name: string, start: () => Promise<RedisUnderTest>): void {
  describe(`${name} keeps the contract of RedisPort`, () => {
    let opened: RedisScene
    const scene = (): RedisScene => opened

    beforeAll(async () => {
      opened = await RedisScene.open(await start())
    })
    beforeEach(() => scene().redis.flush())
    afterAll(() => scene().close())

    describe('values', () => {
      it('brings back a value, bit for bit, with the generations it was filled under, in one read', async () => {
        const { generations } = await scene().captured()
        await scene().port.values.store(address, payload, hour, [place])
        const reply = await scene().port.values.read({ ...address, tags: [tag.text, 'never-seen'] }, [place])
        expect(reply).toEqual({ value: payload, generations: [generations[0], null], extra: [generations[0]] })
      })

      it('names the places of all values', async () => {
        const { values } = scene().port
        const places = Array.from({ length: 300 }, (_, at) => ({ ...address, keyText: `a/${at}:b` }))
        await Promise.all(places.map((each) => values.store(each, payload, hour, [])))
        const found: string[] = []
        for await (const each of values.addresses()) found.push(JSON.stringify(each))
        expect([...new Set(found)].sort()).toEqual(places.map((each) => JSON.stringify(each)).sort())
      })

      it('captures the same generation for all until it is rotated, and another one after', async () => {
        const before = await scene().captured()
        expect((await scene().captured()).generations).toEqual(before.generations)
        expect(before.generations[0]).toMatch(/^[0-9a-f]{16}$/)
        await scene().session().rotateOnly([tag])
        expect(await scene().port.values.generations([place])).toEqual([null])
        expect((await scene().captured()).generations).not.toEqual(before.generations)
      })

      describe('windows', () => {
        const entry = (generation: string, windowMs: number) => ({
          ...place,
          entry: windowEntry(tag.text, generation, windowMs),
        })
        const fence = (...windowsMs: readonly number[]): ShardFence => ({
          shard,
          tags: [tag.text],
          transactions: [],
          windowsMs: new Map([[tag.text, windowsMs]]),
        })

        it('are opened by the rotation that ends a generation, for that generation, each as long as it is', async () => {
          const [ended = ''] = (await scene().captured()).generations
          await scene()
            .session()
            .fence([fence(30, hour)])
          expect(await scene().port.values.generations([place])).toEqual([null])
          const [other = ''] = (await scene().captured()).generations
          const asked = [entry(ended, hour), entry(other, hour), entry(ended, hour + 1)]
          expect(await scene().port.values.openWindows(asked)).toEqual([true, false, false])
          const isOver = [entry(ended, 30), entry(ended, hour)]
          await eventually(() => scene().port.values.openWindows(isOver), [false, true])
        })

        it('come with the value and its generations where they are asked for in the same read', async () => {
          const { values } = scene().port
          const [ended = ''] = (await scene().captured()).generations
          await values.store(address, payload, hour, [place])
          await scene()
            .session()
            .fence([fence(hour)])
          const [current = ''] = (await scene().captured()).generations
          const windows = [entry(current, hour), entry(ended, hour)]
          const reply = await values.read({ ...address, tags: [tag.text], windows }, [place])
          expect(reply).toEqual({ value: payload, generations: [current], extra: [current], open: [false, true] })
        })

        it('are not opened again by a rotation that is repeated, nor by one that opens none', async () => {
          const [first = ''] = (await scene().captured()).generations
          await scene()
            .session()
            .fence([fence(hour)])
          const [second = ''] = (await scene().captured()).generations
          await scene().session().rotateOnly([tag])
          await scene()
            .session()
            .fence([fence(hour + 1)])
          const asked = [entry(first, hour), entry(first, hour + 1), entry(second, hour), entry(second, hour + 1)]
          expect(await scene().port.values.openWindows(asked)).toEqual([true, false, false, false])
        })
      })

      it('captures one record for each distinct shard, in the order of first mention', async () => {
        await scene().session().recover([7], floorAt(1n))
        const { recents } = await scene().port.values.capture(
          [place, { shard: 7, tag: 'a' }, { shard, tag: 'b' }],
          hour,
        )
        expect(recents.map(({ missing }) => missing)).toEqual([true, false])
      })
    })

    recentRecordContract(scene)

    describe('state of the namespace', () => {
      const cursor = { offset: 2n ** 60n, epoch: 'e', sequence: 7n, sequenceOffset: 8n, lsn: high, timeline: 1 }

      it('brings cursors back by topic and partition, and none where none was written', async () => {
        await scene()
          .session()
          .moveCursors([
            { topic: 'member.changes.v1', partition: 0, cursor },
            { topic: 'member.changes.v1', partition: 11, cursor: { offset: 0n } },
          ])
        const cursors = await scene().session().cursors('member.changes.v1')
        expect(cursors).toEqual(
          new Map<number, Cursor>([
            [0, cursor],
            [11, { offset: 0n }],
          ]),
        )
        expect(await scene().session().cursors('payment.changes.v1')).toEqual(new Map())
      })

      it('names the Redis that a session fences in', async () => {
        await expect.poll(() => scene().port.redisId()).toMatch(/./)
        expect(scene().session().redisId()).toBe(scene().port.redisId())
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
        expect(await scene().port.values.applied()).toBeUndefined()
        await scene()
          .session()
          .noteApplied([{ ...first, watermark: mark(2n ** 53n + 1n) }])
        await scene().session().expectApplied([first, second])
        expect(await scene().port.values.applied()).toBeUndefined()
        await scene()
          .session()
          .noteApplied([{ ...second, watermark: mark(2n ** 53n) }])
        expect(await scene().port.values.applied()).toEqual(mark(2n ** 53n))
        const request = { shard: 3, fingerprint: 'f', keyText: 'k', tags: ['a'] }
        const together = await scene().port.values.read({ ...request, withApplied: true }, [{ shard: 4, tag: 'b' }])
        expect(together).toEqual({ value: null, generations: [null], extra: [null], applied: mark(2n ** 53n) })
        expect(await scene().port.values.read(request)).toEqual({ value: null, generations: [null], extra: [] })
        const marks = await scene().session().appliedWatermarks()
        expect(marks.get('t/0')?.lsn).toBe(2n ** 53n + 1n)
        expect(formatSnapshot(marks.get('t/1')?.snapshot ?? parseSnapshot('1:1:'))).toBe('10:14:11,12')
      })

      it('waits no more for a partition that it was told to forget', async () => {
        const watermark: AppliedWatermark = {
          lsn: high,
          snapshot: parseSnapshot('10:14:'),
          systemId: '7301',
          timeline: 1,
          databaseTimeMs: 1_700_000_000_000,
        }
        await scene()
          .session()
          .noteApplied([{ topic: 't', partition: 0, watermark }])
        await scene()
          .session()
          .expectApplied([{ topic: 'gone', partition: 1 }])
        expect(await scene().port.values.applied()).toBeUndefined()
        await scene().session().forgetApplied(['gone/1'])
        expect(await scene().port.values.applied()).toEqual(watermark)
        await scene().session().forgetApplied([])
      })

      it('knows the catalogs in force, by owner and version', async () => {
        const record = { owner: 'members-api', version: '1', fingerprint: 'f', lsn: high, parameterKinds: {} }
        await scene()
          .session()
          .putCatalogInForce({ ...record, parameterKinds: { balance: { id: 'integer' } } })
        await scene()
          .session()
          .putCatalogInForce({ ...record, version: '2' })
        expect(await scene().port.values.catalogInForce('members-api', '1')).toMatchObject({
          lsn: high,
          parameterKinds: { balance: { id: 'integer' } },
        })
        expect(await scene().session().catalogsInForce()).toHaveLength(2)
        await scene().session().removeCatalogInForce('members-api', '1')
        expect(await scene().port.values.catalogInForce('members-api', '1')).toBeUndefined()
      })

      it('knows the keys that were read most in each hour of a day, as they were put last', async () => {
        const put = (hour: number, ...texts: readonly string[]) =>
          scene()
            .session()
            .putHotHour({ hour, keys: texts.map((key) => ({ owner: 'shop', template: 'price', key, count: 5 })) })
        const known = async () =>
          (await scene().session().hotHours()).map(({ hour, keys }) => [hour, ...keys.map(({ key }) => key)]).sort()
        expect(await known()).toEqual([])
        await put(500_000, 'a', 'b')
        await put(500_000, 'b')
        await put(500_023, 'c')
        expect(await known()).toEqual([
          [500_000, 'b'],
          [500_023, 'c'],
        ])
        await put(500_024, 'd')
        expect(await known()).toEqual([
          [500_023, 'c'],
          [500_024, 'd'],
        ])
      })

      it('counts each partition once that has passed a gap', async () => {
        expect(await scene().session().catalogProgress('g', 't/0')).toBe(1)
        expect(await scene().session().catalogProgress('g', 't/0')).toBe(1)
        expect(await scene().session().catalogProgress('g', 't/1')).toBe(2)
        expect(await scene().session().catalogProgress('other', 't/1')).toBe(1)
      })
    })

    describe('sessions (R13)', () => {
      it('a batch that was under way cannot move its cursor on another connection', async () => {
        await scene().settle()
        const underWay = scene().session()
        await underWay.fence(fenceOf({ xid: early, lsn: low }))
        await scene().redis.breakConnections()
        const move = underWay.moveCursors([{ topic: 't', partition: 0, cursor: { offset: 9n } }])
        await expect(move).rejects.toBeInstanceOf(FenceUnavailableError)
        expect(underWay.isOver()).toBe(true)
        expect(await scene().session().cursors('t')).toEqual(new Map())
      })

      it('tells when a new connection stands, and a new session works on it', async () => {
        let told = 0
        const stop = scene().port.fences.onReconnect(() => told++)
        await scene().redis.breakConnections()
        stop()
        await scene().redis.breakConnections()
        expect(told).toBe(1)
        await scene()
          .session()
          .moveCursors([{ topic: 't', partition: 0, cursor: { offset: 9n } }])
        expect((await scene().session().cursors('t')).get(0)).toEqual({ offset: 9n })
      })
    })
  })
}
