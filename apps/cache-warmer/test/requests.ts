import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import type { WarmRequestRecord } from '@freshet/events'
import { refreshBy, type Cache, type Refresh } from '@freshet/cache'

/** A request to refill item 7's price, due at once and for another second. */
export const requestFor = (item: string, change: Partial<WarmRequestRecord> = {}): WarmRequestRecord => ({
  kind: 'warm-request',
  id: item,
  source: 'test',
  owner: 'shop',
  template: 'price',
  key: `item:${item}:price`,
  parameters: { item },
  priority: 0,
  notBefore: 0,
  deadline: Date.now() + 1_000,
  ...change,
})

/** A cache whose catalog has one template, `price`; `answer` says what each read gives. */
export function cacheOf(
  answer: (key: TypedKey, options: unknown) => Promise<Partial<Awaited<ReturnType<Cache['read']>>>>,
): Refresh {
  return refreshBy({
    key: (template, parameters) => {
      if (template !== 'price') throw new KeyWithoutCatalogError(template, 'shop')
      return { definition: { name: template, text: 'item:{item}:price', options: { ttl: '1m' } }, template, parameters }
    },
    read: async (key: TypedKey, options?: unknown) => ({
      value: '9.99',
      layer: 'source',
      loadedAtMs: 0,
      ageMs: 0,
      ttlMs: 60_000,
      vouched: true,
      stale: false,
      joined: false,
      strength: 'full',
      ...(await answer(key, options)),
    }),
  } as Pick<Cache, 'key' | 'read'>)
}
