import KeyvRedis from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import type { Library, Row } from '../library.js'

const ttlMs = 3_600_000

/** https://cachemanager.org: `wrap` and `del` over one store or two; it has no tags, and nothing between the memories. */
export const cacheManager: Library = {
  name: 'cache-manager 7.2',
  tags: 'none',
  open: async ({ layers, redisUrl, name }) => {
    const memory = new Keyv({ namespace: name })
    const redis = layers === 'l1+l2' ? [new Keyv({ store: new KeyvRedis(redisUrl), namespace: name })] : []
    const cache = createCache({ stores: [memory, ...redis], ttl: ttlMs })
    return {
      read: async ({ id, load, from }) => cache.wrap<Row>(`row:${id}`, () => load(from)),
      invalidate: async (id) => void (await cache.del(`row:${id}`)),
      close: async () => void (await cache.disconnect()),
    }
  },
}
