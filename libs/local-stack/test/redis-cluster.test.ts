import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRedisCluster, type RedisCluster, type RedisNode } from '../src/index.js'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 120_000)
afterAll(() => cluster.stop())

/** Asks a node without following it anywhere else. */
async function ask(node: RedisNode, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis(node.url)
  try {
    return await redis.call(...command)
  } finally {
    redis.disconnect()
  }
}

it('each master answers for its own slots, and a moved slot takes its keys along', async () => {
  const from = await cluster.masterOf('a')
  await ask(from, 'SET', 'a', '1')
  const to = cluster.pairs.map(({ master }) => master).find(({ url }) => url !== from.url) ?? from
  await expect(ask(to, 'GET', 'a')).rejects.toThrow(/^MOVED/)
  await cluster.moveSlotOf('a', to)
  expect(await cluster.masterOf('a')).toBe(to)
  expect(await ask(to, 'GET', 'a')).toBe('1')
  await expect(ask(from, 'GET', 'a')).rejects.toThrow(/^MOVED/)
}, 60_000)

it('a replica takes over from its living master without loss, and from a killed one by itself', async () => {
  const [gently, killed] = cluster.pairs
  if (!gently || !killed) throw new Error('a cluster has three masters')
  await cluster.failOver(gently.replica)
  expect(String(await ask(gently.replica, 'ROLE'))).toMatch(/^master/)
  await killed.master.server.kill('SIGKILL')
  await expect.poll(() => ask(killed.replica, 'ROLE').then(String), { timeout: 20_000 }).toMatch(/^master/)
  await killed.master.server.start()
  await cluster.settled()
}, 60_000)
