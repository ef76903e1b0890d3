import { clusterAddress } from './address.js'
import { ClusterNodes } from './cluster-nodes.js'
import { RedisFenceSession } from './fence-session.js'
import type { FenceSession, FenceStore } from './fence-store.js'
import { Keys } from './keys.js'
import type { RedisHealth, RedisOptions, RedisPort, ReplicaWait } from './port.js'
import { judgeServer, type Finding } from './preflight.js'
import { RedisValueStore } from './redis-value-store.js'
import { SingleNode } from './single-node.js'
import { stands, type Nodes } from './topology.js'
import { FenceUnavailableError } from './unavailable.js'
import type { ValueStore } from './value-store.js'

/**
 * Connects to one Redis or to each master of a Cluster, and again with backoff whenever a connection is lost. Returns at once;
 * `ready()` waits.
 *
 * Throws RangeError for a namespace that cannot stand in keys, and for the address of a Cluster that cannot be.
 *
 * @example
 * const redis = connectRedis({ url: 'redis://127.0.0.1:6379', namespace: 'default', role: 'client' })
 * await redis.ready()
 * const { generations } = await redis.values.capture([{ shard: 7, tag: 'member:42:*' }], 3_600_000)
 */
export function connectRedis(options: RedisOptions): RedisPort {
  const keys = new Keys(options.namespace)
  const address = clusterAddress(options.url)
  return new Port(address ? new ClusterNodes(address, keys, options) : new SingleNode(options), keys, options.wait)
}

class Port implements RedisPort, FenceStore {
  readonly fences: FenceStore = this
  readonly values: ValueStore

  constructor(
    private readonly nodes: Nodes,
    private readonly keys: Keys,
    private readonly wait: ReplicaWait | undefined,
  ) {
    this.values = new RedisValueStore(nodes, keys)
  }

  session(): FenceSession {
    const { absence } = this.nodes
    if (absence !== undefined) throw new FenceUnavailableError('open a session', absence)
    return new RedisFenceSession(this.nodes, this.keys, this.wait)
  }

  onReconnect(listener: () => void): () => void {
    return this.nodes.onWhole(listener)
  }

  async ready(timeoutMs = 10_000): Promise<void> {
    if (this.nodes.absence === undefined) return
    await new Promise<void>((resolve, reject) => {
      const stop = this.nodes.onWhole(() => {
        clearTimeout(timer)
        stop()
        resolve()
      })
      const timer = setTimeout(() => {
        stop()
        reject(new FenceUnavailableError('connect', `${this.nodes.absence ?? 'connected'}; waited ${timeoutMs} ms`))
      }, timeoutMs)
    })
  }

  health(): RedisHealth {
    const reason = this.nodes.absence
    return reason === undefined ? { state: 'connected' } : { state: 'disconnected', reason }
  }

  redisId(): string | undefined {
    const { topology } = this.nodes
    return stands(topology) ? topology.redisId : undefined
  }

  async preflight(): Promise<readonly Finding[]> {
    try {
      const { masters, isCluster } = this.nodes.topology
      const infos = await Promise.all(masters.map(({ connection }) => connection.redis.info()))
      const findings = infos.flatMap((info) => judgeServer(info, { isCluster, replicas: this.wait?.replicas ?? 0 }))
      return [...new Map(findings.map((finding) => [finding.message, finding])).values()]
    } catch (cause) {
      throw new FenceUnavailableError('preflight', cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }

  async close(): Promise<void> {
    this.nodes.close()
  }
}
