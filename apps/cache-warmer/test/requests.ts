import { refreshBy, type Cache, type ReadOptions, type Refresh } from '@freshet/cache'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import type { WarmRequestRecord } from '@freshet/events'

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

type Read = Cache['read']

/** By a cache whose catalog has one template, `price`; `answer` says what each read gives. */
export function refreshOf(
  answer: (key: TypedKey, options: ReadOptions) => Promise<Partial<Awaited<ReturnType<Read>>>>,
  { windowMs = 0, nowMs = undefined as number | undefined } = {},
): Refresh {
  const cache = {
    key: (template: string, parameters: TypedKey['parameters']) => {
      if (template !== 'price') throw new KeyWithoutCatalogError(template, 'shop')
      const options = { ttl: '1m', ...(windowMs > 0 && { staleWhileRevalidate: `${windowMs}ms` }) }
      return { definition: { name: template, text: 'item:{item}:price', options }, template, parameters }
    },
    read: async (key: TypedKey, options?: ReadOptions | ((...given: never[]) => unknown)) => ({
      value: '9.99',
      layer: 'source',
      loadedAtMs: 0,
      ageMs: 0,
      ttlMs: 60_000,
      vouched: true,
      stale: false,
      joined: false,
      strength: 'full',
      ...(await answer(key, typeof options === 'object' ? options : {})),
    }),
  } as Pick<Cache, 'key' | 'read'>
  return refreshBy(cache, nowMs === undefined ? Date.now : () => nowMs)
}
