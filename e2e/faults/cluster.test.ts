import { setTimeout as delay } from 'node:timers/promises'
import { startRedisCluster, type RedisCluster, type RedisPair } from '@freshet/local-stack'
import { afterAll, beforeAll, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'

let cluster: RedisCluster
let scene: Scene

beforeAll(async () => {
  cluster = await startRedisCluster()
  const { redisUrl } = cluster
  scene = await Scene.open({ routes: async () => ({ redisUrl }) }, { redisUrl })
})
afterAll(async () => {
  await scene?.close()
  await cluster?.stop()
})

function pair(position: number): RedisPair {
  const found = cluster.pairs[position]
  if (!found) throw new Error('a cluster has three pairs')
  return found
}

it('a master of a Cluster that is killed is replaced by its replica, and nothing stays stale', async () => {
  const { master } = pair(0)
  await scene.survives('a Cluster master killed, its replica takes over by itself', async () => {
    await master.server.kill('SIGKILL')
    await delay(6_000)
    await master.server.start() // as a replica of the one that took over
  })
  await cluster.settled()
})

it('a replica that is behind takes over from a master that stands still and wakes later, and nothing stays stale', async () => {
  const { master, replica } = pair(1)
  await scene.survives('a replica 2 s behind takes over from a Cluster master that wakes later', async () => {
    await cluster.fallBehind(replica)
    await delay(2_000)
    await master.server.kill('SIGSTOP')
    await cluster.failOver(replica, 'TAKEOVER')
    await delay(2_000)
    await master.server.start()
    await cluster.catchUp(replica)
  })
  await cluster.settled()
})

it('slots that move, a home among them, leave nothing stale', async () => {
  await scene.survives('slots moved between Cluster masters', async () => {
    for (let shard = 0; shard < 12; shard++) {
      const key = `{default:${shard}}:r`
      const owner = await cluster.masterOf(key)
      const others = [pair(2).master, pair(0).replica].filter(({ url }) => url !== owner.url)
      if (others[0]) await cluster.moveSlotOf(key, others[0])
      await delay(150)
    }
  })
})
