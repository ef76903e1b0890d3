import { FakeRedisServer, redisContract } from '@freshet/testing'
import { startRealCluster } from './real-cluster.js'
import { startRealRedis } from './real-redis.js'

redisContract('ioredis on a real server', () => startRealRedis('contract'))

redisContract('ioredis on a real Cluster', () => startRealCluster('contract'))

redisContract('the fake', async () => {
  const server = new FakeRedisServer()
  return {
    connect: async () => server.connect(),
    breakConnections: async () => server.breakConnections(),
    flush: async () => server.flush(),
    stop: async () => undefined,
  }
})
