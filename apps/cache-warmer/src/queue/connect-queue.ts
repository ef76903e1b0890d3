import { clusterAddress } from '@freshet/redis'
import { Cluster, Redis } from 'ioredis'

/** How the two sides of the queue meet an absent Redis: the one fails at once, the other waits for it. */
export type QueueSide = 'producer' | 'consumer'

/** Connects to one Redis or to a Cluster. Throws RangeError for the address of a Cluster that cannot be. */
export function connectQueue(url: string, side: QueueSide): Redis | Cluster {
  const options = {
    connectionName: `freshet-warmer-${side}`,
    enableOfflineQueue: side === 'consumer',
    maxRetriesPerRequest: side === 'producer' ? 0 : null, // BullMQ blocks on the consumer's connection, and wants null
    retryStrategy: (attempt: number) => Math.random() * Math.min(2_000, 50 * 2 ** Math.min(attempt, 10)),
  }
  const address = clusterAddress(url)
  if (!address) return new Redis(url, options)
  const { retryStrategy, enableOfflineQueue, ...redisOptions } = options
  const urls = address.nodes.map((node) => address.urlOf(node))
  const { username, password, protocol } = new URL(urls[0] ?? '')
  return new Cluster(urls, {
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    redisOptions: {
      ...redisOptions,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  })
}

/** What is to be changed about a server that holds a queue, by its answer to `INFO memory`; undefined if nothing. */
export function evictionWarning(info: string): string | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  if (policy === undefined || policy === 'noeviction') return undefined
  return (
    `maxmemory-policy of the queue's Redis is ${policy}: it may evict jobs or their locks, so that refills are lost or done ` +
    'twice. Run: CONFIG SET maxmemory-policy noeviction; or give the queue a Redis of its own by FRESHET_QUEUE_REDIS_URL'
  )
}

/** The prefix of the queue's keys; its hash tag keeps them in one slot of a Cluster, as BullMQ's scripts need it. */
export const queuePrefix = (namespace: string): string => `{${namespace}:warmer}`

/** The queue's name. BullMQ forbids colons in it. */
export const queueName = (owner: string): string => `refills-${encodeURIComponent(owner)}`
