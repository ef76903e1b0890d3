import { createCache } from 'async-cache-dedupe'
import { Redis } from 'ioredis'
import { tagOf, type Library, type ReadRequest, type Row } from '../library.js'

const ttlSeconds = 3_600

/** https://github.com/mcollina/async-cache-dedupe: `define` with references, `clear`, `invalidateAll`; in memory or in Redis, not both. */
export const asyncCacheDedupe: Library = {
  name: 'async-cache-dedupe 3.4',
  tags: 'late',
  open: async ({ layers, redisUrl }) => {
    const client = layers === 'l1+l2' ? new Redis(redisUrl) : undefined
    const cache = createCache({
      ttl: ttlSeconds,
      storage: client
        ? { type: 'redis', options: { client, invalidation: { referencesTTL: ttlSeconds } } }
        : { type: 'memory', options: { invalidation: true } },
    })
    const loads = new Map<number, ReadRequest>()
    const defined = cache.define(
      'row',
      { references: (_id: number, _key: string, row: Row) => [tagOf(row.id)] },
      async (id: number): Promise<Row> => {
        const request = loads.get(id)
        if (request === undefined) throw new Error(`row ${id} has no loader`)
        return request.load(request.from)
      },
    )
    return {
      read: async (request) => {
        loads.set(request.id, request)
        return defined.row(request.id)
      },
      invalidate: async (id, by) => {
        if (by === 'key') await cache.clear('row', id)
        else await cache.invalidateAll(tagOf(id))
      },
      close: async () => void client?.disconnect(),
    }
  },
}
