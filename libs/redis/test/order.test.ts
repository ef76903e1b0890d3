import { lsn, xid } from '@freshet/pgoutput'
import type { RedisPort } from '@freshet/redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRealRedis, type RealRedis } from './real-redis.js'

let redis: RealRedis
let port: RedisPort

beforeAll(async () => {
  redis = await startRealRedis('order')
  port = await redis.connect()
  await port.fences.session().recover([1, 2, 3], async () => ({ floor: xid(1n), pruned: lsn(1n) }))
})
afterAll(async () => {
  await port.close()
  await redis.stop()
})

/** The commands that the server ran meanwhile, in its order, without their parameters. */
async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
  const monitor = await redis.direct.monitor()
  const seen: string[] = []
  const ended = new Promise<void>((resolve) =>
    monitor.on('monitor', (_time: string, [name = '', key = '']: string[], source: string) => {
      if (name.toLowerCase() === 'get' && key === 'end-of-test') resolve()
      else if (source !== 'lua') seen.push(name.toLowerCase())
    }),
  )
  await work()
  await redis.direct.get('end-of-test')
  await ended
  monitor.disconnect()
  return seen
}

it('a fence adds in every shard before it rotates in any (R7)', async () => {
  const fences = [1, 2, 3].map((shard) => ({ shard, tags: ['a', 'b'], transactions: [{ xid: xid(2n), lsn: lsn(3n) }] }))
  const commands = await commandsOf(() => port.fences.session().fence(fences))
  expect(commands).toEqual(['evalsha', 'evalsha', 'evalsha', 'del'])
})

it('a capture has its generations before it asks for the recent records (R2)', async () => {
  const tags = [
    { shard: 1, tag: 'a' },
    { shard: 2, tag: 'b' },
  ]
  const commands = await commandsOf(() => port.values.capture(tags, 60_000))
  expect(commands).toEqual(['set', 'set', 'mget', 'hgetall', 'hgetall'])
})

it('a read is one command, further tags included', async () => {
  const request = { shard: 1, fingerprint: 'f', keyText: 'k', tags: ['a', 'b'] }
  expect(await commandsOf(() => port.values.read(request, [{ shard: 2, tag: 'c' }]))).toEqual(['mget'])
})

it('a gap sets every floor before it rotates (R9)', async () => {
  const scope = [1, 2].map((shard) => ({ text: 'a', shard }))
  const commands = await commandsOf(() =>
    port.fences.session().gap(scope, async () => ({ floor: xid(5n), pruned: lsn(5n) })),
  )
  expect(commands).toEqual(['evalsha', 'evalsha', 'evalsha', 'evalsha', 'del'])
})
