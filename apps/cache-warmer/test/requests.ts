import type { ReadOptions } from '@freshet/cache'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import type { WarmRequestRecord } from '@freshet/events'
import type { Refilled, Warmable } from '../src/refill.js'

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

/** Its templates have no window. */
export const shop: Refilled = { owner: 'shop', windowMsOf: () => 0 }

export const withWindow = (windowMs: number): Refilled => ({ owner: 'shop', windowMsOf: () => windowMs })

type Read = Warmable['read']

/** A cache whose catalog has one template, `price`; `answer` says what each read gives. */
export function cacheOf(
  answer: (key: TypedKey, options: ReadOptions) => Promise<Partial<Awaited<ReturnType<Read>>>>,
): Warmable {
  return {
    key: (template, parameters) => {
      if (template !== 'price') throw new KeyWithoutCatalogError(template, 'shop')
      return { definition: { name: template, text: 'item:{item}:price', options: { ttl: '1m' } }, template, parameters }
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
  }
}
