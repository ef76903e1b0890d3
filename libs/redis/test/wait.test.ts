import { startRedis, type RedisAlone } from '@freshet/local-stack'
import { lsn, xid } from '@freshet/pgoutput'
import { ReplicasBehindError, type RedisPort } from '@freshet/redis'
import { eventually } from '@freshet/testing/live'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRealRedis, type RealRedis } from './real-redis.js'

const place = { shard: 7, tag: 'a:*' }
const tag = { text: place.tag, shard: place.shard }
const fences = [{ shard: 7, tags: [place.tag], transactions: [{ xid: xid(3n), lsn: lsn(4n) }] }]
const takeFloor = () => Promise.resolve({ floor: xid(1n), pruned: lsn(1n) })

let master: RealRedis
let replica: RedisAlone
let control: Redis
let port: RedisPort

beforeAll(async () => {
  master = await startRealRedis('wait')
  replica = await startRedis()
  control = new Redis(replica.redisUrl)
  const { hostname, port: number } = new URL(master.url)
  await master.direct.config('SET', 'repl-diskless-sync-delay', '0')
  await control.replicaof(hostname, Number(number))
  await following()
  port = await master.connect({ wait: { replicas: 1, timeoutMs: 200 } })
}, 60_000)
afterAll(async () => {
  await port.close()
  control.disconnect()
  await replica.stop()
  await master.stop()
})

const following = () => eventually(async () => /master_link_status:up/.test(await control.info('replication')), true)

describe('fences that wait for a replica', () => {
  it('are there when they are confirmed', async () => {
    await port.fences.session().recover([7], takeFloor)
    await port.values.capture([place], 60_000)
    await port.fences.session().fence(fences)
    expect(await control.hget('{wait:7}:r', '3')).toBe('4')
    expect(await control.exists('{wait:7}:g:a:*')).toBe(0)
  })

  it.each([
    ['a fence', (session) => session.fence(fences)],
    ['a rotation by hand', (session) => session.rotateOnly([tag])],
    ['a gap', (session) => session.gap([tag], takeFloor)],
    ['a recovery', (session) => session.recover([8], takeFloor)],
  ] satisfies [string, (session: ReturnType<RedisPort['fences']['session']>) => Promise<void>][])(
    '%s is not confirmed while the replica stands still, and the session is over; once it goes on, so does the work',
    async (_, work) => {
      await replica.server.kill('SIGSTOP')
      const session = port.fences.session()
      const error: unknown = await work(session).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ReplicasBehindError)
      expect(error).toMatchObject({ code: 'REPLICAS_BEHIND', acknowledged: 0, demanded: 1 })
      expect(String(error)).toMatch(/0 of 1 replicas acknowledged within 200 ms; bring replicas back/)
      expect(session.isOver()).toBe(true)
      await replica.server.kill('SIGCONT')
      await following()
      await work(port.fences.session())
    },
    30_000,
  )

  it('are told before the start that there are too few replicas', async () => {
    expect(await port.preflight()).toEqual([])
    const hungry = await master.connect({ wait: { replicas: 2, timeoutMs: 50 } })
    expect(await hungry.preflight()).toMatchObject([{ severity: 'warning', code: 'wait' }])
    await expect(hungry.fences.session().fence(fences)).rejects.toThrow(/1 of 2 replicas/)
    await hungry.close()
  })
})
