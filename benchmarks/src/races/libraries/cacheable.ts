import KeyvRedis from '@keyv/redis'
import { RedisMessageProvider } from '@qified/redis'
import { Cacheable } from 'cacheable'
import { tagOf, type Library, type Row } from '../library.js'

const ttl = '1h'

/** https://cacheable.org: `getOrSet`; tags by `get` and `set`, as the documentation does; CacheableSync between the memories. */
export const cacheable: Library = {
  name: 'cacheable 2.5',
  tags: 'early and late',
  open: async ({ layers, redisUrl, busUrl, name }) => {
    const cache = new Cacheable({
      namespace: name,
      ttl,
      tags: true,
      ...(layers === 'l1+l2' && {
        secondary: new KeyvRedis<unknown>(redisUrl),
        sync: { qified: new RedisMessageProvider({ uri: busUrl }) },
      }),
    })
    return {
      read: async ({ id, by, load, from }) => {
        const key = `row:${id}`
        if (by === 'key') return (await cache.getOrSet<Row>(key, () => load(from), { throwErrors: true })) ?? load(from)
        const found = await cache.get<Row>(key)
        if (found !== undefined) return found
        const row = await load(from)
        await cache.set(key, row, { ttl, tags: [tagOf(row.id)] })
        return row
      },
      invalidate: async (id, by) => {
        if (by === 'key') await cache.delete(`row:${id}`)
        else await cache.tags.invalidateTag(tagOf(id))
      },
      close: async () => cache.disconnect(),
    }
  },
}
