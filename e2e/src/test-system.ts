import { startSystem, type System, type SystemOptions } from '@freshet/demo'
import { startRedisCluster } from '@freshet/local-stack'
import { Cluster, Redis } from 'ioredis'

/** The system of a test, on one Redis, or with `FRESHET_E2E_REDIS=cluster` on a Cluster of three masters with replicas. */
export async function startTestSystem(options: SystemOptions): Promise<System> {
  if (process.env['FRESHET_E2E_REDIS'] !== 'cluster') return startSystem(options)
  const cluster = await startRedisCluster()
  const { redisUrl } = cluster
  try {
    const system = await startSystem({ ...options, routes: async () => ({ redisUrl }) })
    const stop = async (): Promise<void> => {
      await system.stop()
      await cluster.stop()
    }
    return { ...system, stack: { ...system.stack, redisUrl }, stop }
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

/** A connection without Freshet, to one Redis or to a Cluster. */
export function plainRedis(url: string): Redis | Cluster {
  const [, nodes] = /^redis\+cluster:\/\/(.+)$/.exec(url) ?? []
  if (nodes === undefined) return new Redis(url)
  return new Cluster(nodes.split(',').map((node) => `redis://${node}`))
}
