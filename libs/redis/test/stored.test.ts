import { SHARDS } from '@freshet/cache-keys'
import { lsn, xid } from '@freshet/pgoutput'
import { connectRedis, shardFences, type RedisPort } from '@freshet/redis'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { judgeServer } from '../src/preflight.js'
import { startRealRedis, type RealRedis } from './real-redis.js'

const tag = { shard: 7, tag: 'member:42:*' }
const address = { shard: 7, fingerprint: '0123456789ab', keyText: 'member:42:balance' }

let redis: RealRedis
let port: RedisPort

beforeAll(async () => {
  redis = await startRealRedis('stored')
  port = await redis.connect()
})
beforeEach(() => redis.flush())
afterAll(async () => {
  await port.close()
  await redis.stop()
})

describe('what lies in Redis', () => {
  it('keeps its names, which other processes read', async () => {
    const session = port.fences.session()
    await port.values.capture([tag], 60_000)
    await port.values.store(address, Buffer.from('v'), 60_000, [tag])
    await session.recover([7], async () => ({ floor: xid(2n ** 63n), pruned: lsn(9n) }))
    await session.moveCursors([{ topic: 'member.changes.v1', partition: 2, cursor: { offset: 5n, lsn: lsn(9n) } }])
    await session.expectApplied([{ topic: 'member.changes.v1', partition: 2 }])
    const inForce = { owner: 'members-api', version: '1', fingerprint: 'f', lsn: lsn(9n), parameterKinds: {} }
    await session.putCatalogInForce(inForce)
    await session.catalogProgress('gap-id', 'member.changes.v1/2')

    expect((await redis.direct.keys('*')).toSorted()).toEqual([
      '{stored:7}:g:member:42:*',
      '{stored:7}:r',
      '{stored:7}:v:0123456789ab:member:42:balance',
      '{stored}:applied',
      '{stored}:catalogs',
      '{stored}:cursor:member.changes.v1',
      '{stored}:gap:gap-id',
    ])
    expect(await redis.direct.hgetall('{stored:7}:r')).toMatchObject({ floor: '9223372036854775808', pruned: '9' })
    expect(await redis.direct.hgetall('{stored}:cursor:member.changes.v1')).toEqual({ 2: '{"offset":"5","lsn":"9"}' })
    expect(await redis.direct.hget('{stored}:catalogs', 'members-api@1')).toBe(
      '{"owner":"members-api","version":"1","fingerprint":"f","lsn":"9","parameterKinds":{}}',
    )
  })

  it('that nobody can read counts as lost', async () => {
    await redis.direct.hset('{stored}:cursor:t', '0', '{"offset":12}', '1', 'not JSON', '2', '{"offset":"3"}')
    await redis.direct.hset('{stored}:applied', 't/0', '{}')
    await redis.direct.hset('{stored}:catalogs', 'a@1', '{}')
    expect(await port.fences.session().cursors('t')).toEqual(new Map([[2, { offset: 3n }]]))
    expect(await port.values.applied()).toBeUndefined()
    expect(await port.values.catalogInForce('a', '1')).toBeUndefined()
  })

  it('legacy keys are deleted by their own names', async () => {
    await redis.direct.set('legacy:member:42', 'x')
    await port.fences.session().evict(['legacy:member:42', 'legacy:member:43'])
    expect(await redis.direct.exists('legacy:member:42')).toBe(0)
  })

  it('of other namespaces is left alone', async () => {
    const other = connectRedis({ url: redis.url, namespace: 'other', role: 'service' })
    await other.ready()
    await other.values.capture([tag], 60_000)
    await port.fences.session().rotateOnly([{ text: tag.tag, shard: 7 }])
    expect(await other.values.generations([tag])).not.toEqual([null])
    await other.close()
    expect(() => connectRedis({ url: redis.url, namespace: 'a}b', role: 'client' })).toThrow(RangeError)
  })
})

describe('how long it lives', () => {
  const key = '{stored:7}:g:member:42:*'

  it('a generation outlives what it governs: a fill lengthens its life and never shortens it', async () => {
    await port.values.capture([tag], 10_000)
    await port.values.capture([tag], 90_000)
    expect(await redis.direct.pttl(key)).toBeLessThanOrEqual(10_000)
    await port.values.store(address, Buffer.from('v'), 1_000, [tag], 60_000)
    expect(await redis.direct.pttl(key)).toBeGreaterThan(50_000)
    await port.values.store(address, Buffer.from('v'), 1_000, [tag])
    expect(await redis.direct.pttl(key)).toBeGreaterThan(50_000)
    expect(await redis.direct.pttl('{stored:7}:v:0123456789ab:member:42:balance')).toBeLessThanOrEqual(1_000)
  })

  it('storing does not bring back a generation that was rotated', async () => {
    await port.values.capture([tag], 10_000)
    await port.fences.session().rotateOnly([{ text: tag.tag, shard: 7 }])
    await port.values.store(address, Buffer.from('v'), 1_000, [tag])
    expect(await redis.direct.exists(key)).toBe(0)
  })

  it('recent records, cursors and catalogs live for ever', async () => {
    await port.fences.session().recover([7], async () => ({ floor: xid(1n), pruned: lsn(1n) }))
    await port.fences.session().moveCursors([{ topic: 't', partition: 0, cursor: { offset: 1n } }])
    expect(await redis.direct.pttl('{stored:7}:r')).toBe(-1)
    expect(await redis.direct.pttl('{stored}:cursor:t')).toBe(-1)
  })
})

describe('preflight', () => {
  it('finds nothing wrong with a server as it comes, and warns of eviction that takes anything', async () => {
    expect(await port.preflight()).toEqual([])
    await redis.direct.config('SET', 'maxmemory-policy', 'allkeys-lru')
    expect(await port.preflight()).toMatchObject([{ severity: 'warning', code: 'eviction' }])
    await redis.direct.config('SET', 'maxmemory-policy', 'noeviction')
  })

  it.each([
    ['6.0.16', 'version'],
    ['5.0.14', 'version'],
  ])('version %s is too old', (version, code) => {
    expect(judgeServer(`redis_version:${version}\r\nrole:master\r\n`)).toMatchObject([{ severity: 'fault', code }])
  })

  it.each(['6.2.0', '7.0.15', '8.2.1'])('version %s will do', (version) => {
    expect(judgeServer(`redis_version:${version}\r\nrole:master\r\n`)).toEqual([])
  })

  it('a replica is refused: captures come from masters only (R2)', () => {
    expect(judgeServer('redis_version:7.0.0\r\nrole:slave\r\ncluster_enabled:1')).toMatchObject([
      { code: 'replica' },
      { code: 'cluster' },
    ])
  })
})

it('a batch is merged by shard, each tag and transaction once, and a template stands in every shard', () => {
  const transaction = fc.record({ xid: fc.bigInt(1n, 3n).map(xid), lsn: fc.constant(lsn(1n)) })
  const shard = fc.oneof(fc.nat(3), fc.constant('all' as const))
  const fence = fc.record({
    tag: fc.record({ text: fc.constantFrom('a', 'b'), shard }),
    transactions: fc.array(transaction, { minLength: 1, maxLength: 2 }),
  })
  fc.assert(
    fc.property(fc.array(fence, { maxLength: 5 }), (fences) => {
      const merged = new Map(shardFences(fences).map((each) => [each.shard, each]))
      for (let each = 0; each < SHARDS; each++) {
        const wanted = fences.filter(({ tag: { shard } }) => shard === 'all' || shard === each)
        const got = merged.get(each)
        expect(got?.tags.toSorted() ?? []).toEqual([...new Set(wanted.map((one) => one.tag.text))].toSorted())
        const ids = wanted.flatMap((one) => one.transactions.map((id) => id.xid))
        expect(new Set(got?.transactions.map((id) => id.xid) ?? [])).toEqual(new Set(ids))
        expect(got?.transactions.length ?? 0).toBe(new Set(ids).size)
      }
    }),
    { numRuns: 30 },
  )
})
