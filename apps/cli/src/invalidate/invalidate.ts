import type { Tag } from '@freshet/cache-keys'
import { encodeInvalidation, topics } from '@freshet/events'
import type { System } from '../connect-system.js'
import { clientId, type SystemSettings } from '../settings.js'

/**
 * Makes what the tags govern unservable in every layer: Redis first, then every process's memory. Lease strength: there is
 * no transaction that later loads could be held against.
 */
export async function invalidateByHand(
  { redis, kafka }: Pick<System, 'redis' | 'kafka'>,
  { topicPrefix, namespace }: Pick<SystemSettings, 'topicPrefix' | 'namespace'>,
  tags: readonly Tag[],
): Promise<void> {
  const producer = await kafka.producer() // before anything is rotated: memories have to hear of it
  try {
    await redis.rotateOnly(tags)
    const topic = topics(topicPrefix).invalidations
    const source = `freshet/${namespace}/${clientId}`
    await producer.send(
      tags.map(({ text, shard }) => ({
        topic,
        ...encodeInvalidation({ source, shard, tags: [text], cause: 'hand', fencedAt: Date.now() }),
      })),
    )
  } finally {
    await producer.close()
  }
}
