import { startRedisCluster, type RedisCluster, type RedisNode } from '@freshet/local-stack'
import { connectRedis, type RedisOptions, type RedisPort } from '@freshet/redis'
import type { RedisUnderTest } from '@freshet/testing'
import { Redis } from 'ioredis'
import { nextConnection } from './real-redis.js'

/** A real Cluster, with a connection of the test's own to each node beside those of the ports. */
export interface RealCluster extends RedisUnderTest {
  readonly cluster: RedisCluster
  connect(options?: Partial<RedisOptions>): Promise<RedisPort>
  direct(node: RedisNode): Redis
  /** Straight to whoever holds this key now. */
  directTo(key: string): Promise<Redis>
}

/** Starts a Cluster on which all ports of a test share one namespace. */
export async function startRealCluster(namespace: string): Promise<RealCluster> {
  const cluster = await startRedisCluster()
  const nodes = cluster.pairs.flatMap(({ master, replica }) => [master, replica])
  const directs = new Map(nodes.map((node) => [node.url, new Redis(node.url, { retryStrategy: () => 50 })]))
  for (const direct of directs.values()) direct.on('error', () => undefined) // nodes are killed
  const ports: RedisPort[] = []
  const direct = (node: RedisNode): Redis => {
    const found = directs.get(node.url)
    if (found === undefined) throw new Error(`${node.url} is no node of this cluster`)
    return found
  }
  const onMasters = (work: (redis: Redis) => Promise<unknown>): Promise<unknown> =>
    Promise.all(
      nodes
        .filter(({ server }) => server.pid !== undefined)
        .map(async (node) => {
          const role = await direct(node).call('ROLE')
          if (Array.isArray(role) && role[0] === 'master') await work(direct(node))
        }),
    )
  return {
    cluster,
    direct,
    directTo: async (key) => direct(await cluster.masterOf(key)),
    connect: async (options = {}) => {
      const port = connectRedis({ url: cluster.redisUrl, namespace, role: 'service', ...options })
      await port.ready()
      ports.push(port)
      return port
    },
    breakConnections: async () => {
      const reconnected = ports.map((port) => nextConnection(port))
      await onMasters((redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'YES'))
      await Promise.all(reconnected)
    },
    flush: async () => {
      await onMasters((redis) => redis.flushall())
    },
    stop: async () => {
      for (const each of directs.values()) each.disconnect()
      await cluster.stop()
    },
  }
}
