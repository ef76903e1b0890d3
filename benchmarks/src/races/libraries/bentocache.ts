import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import { tagOf, type Library, type Row } from '../library.js'

const ttl = '1h'

/** https://bentocache.dev: `getOrSet` with a factory, `delete` and `deleteByTag`, a Redis bus between the memories. */
export const bentocache: Library = {
  name: 'bentocache 1.6',
  tags: 'early and late',
  open: async ({ layers, redisUrl, busUrl, name }) => {
    const memory = bentostore().useL1Layer(memoryDriver({}))
    const store =
      layers === 'l1'
        ? memory
        : memory
            .useL2Layer(redisDriver({ connection: placeOf(redisUrl) }))
            .useBus(redisBusDriver({ connection: placeOf(busUrl) }))
    const cache = new BentoCache({ default: 'rows', prefix: name, ttl, stores: { rows: store } })
    return {
      read: async ({ id, by, tagIsLate, load, from }) =>
        cache.getOrSet<Row>({
          key: `row:${id}`,
          ...(by === 'tag' && !tagIsLate && { tags: [tagOf(id)] }),
          factory: async ({ setTags }) => {
            const row = await load(from)
            if (tagIsLate) setTags([tagOf(row.id)])
            return row
          },
        }),
      invalidate: async (id, by) => {
        if (by === 'key') await cache.delete({ key: `row:${id}` })
        else await cache.deleteByTag({ tags: [tagOf(id)] })
      },
      close: async () => cache.disconnectAll(),
    }
  },
}

function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname: host, port } = new URL(url)
  return { host, port: Number(port) }
}
