import { createCache, type Cache, type CacheOptions } from '@freshet/cache'
import type { Catalog } from '@freshet/catalog'
import type { System } from '@freshet/demo'

/** Opens a client as a service beside the system would, and waits until its catalog is in force. */
export async function openInForce(
  { stack }: System,
  catalog: Catalog,
  options: Partial<CacheOptions> = {},
): Promise<Cache> {
  const cache = await createCache({
    catalog,
    redis: stack.redisUrl,
    postgres: { url: stack.postgresUrl },
    kafka: { brokers: [stack.kafkaBrokers] },
    ...options,
  })
  try {
    await cache.register()
    await cache.inForce()
  } catch (error) {
    await cache.close()
    throw error
  }
  return cache
}
