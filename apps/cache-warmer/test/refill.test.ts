import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import type { WarmRequestRecord } from '@freshet/events'
import { expect, it } from 'vitest'
import { refill, type Warmable } from '../src/refill.js'

const request: WarmRequestRecord = {
  kind: 'warm-request',
  id: '1',
  source: 'test',
  owner: 'shop',
  template: 'price',
  key: 'item:7:price',
  parameters: { id: '7' },
  priority: 0,
  notBefore: 0,
  deadline: 2_000,
}

/** A cache that answers every read in one way, and the keys it was asked for. */
function answering(answer: Partial<Awaited<ReturnType<Warmable['read']>>> | Error) {
  const asked: Pick<TypedKey, 'template' | 'parameters'>[] = []
  const cache: Warmable = {
    key: (template, parameters) => {
      if (template !== 'price') throw new KeyWithoutCatalogError(template, 'shop')
      return { definition: { name: template, text: 'item:{id}:price', options: { ttl: '1m' } }, template, parameters }
    },
    read: (async ({ template, parameters }: TypedKey) => {
      asked.push({ template, parameters })
      if (answer instanceof Error) throw answer
      return {
        value: '9.99',
        layer: 'source',
        ageMs: 0,
        ttlMs: 60_000,
        vouched: true,
        stale: false,
        joined: false,
        strength: 'full',
        ...answer,
      }
    }) as Warmable['read'],
  }
  return { cache, asked }
}

it('a requested key is loaded through its template and stored', async () => {
  const { cache, asked } = answering({ layer: 'source' })
  expect(await refill(cache, 'shop', request, 1_000)).toEqual({ outcome: 'warmed' })
  expect(asked).toEqual([{ template: 'price', parameters: { id: '7' } }])
})

it('a key that someone else refilled stays as it is', async () => {
  expect(await refill(answering({ layer: 'l2' }).cache, 'shop', request, 1_000)).toEqual({ outcome: 'fresh' })
})

it('a refused fill and a failing loader are outcomes, not errors', async () => {
  expect(await refill(answering({ refused: 'not-visible' }).cache, 'shop', request, 1_000)).toEqual({
    outcome: 'refused',
    reason: 'not-visible',
  })
  const error = new Error('source down')
  expect(await refill(answering(error).cache, 'shop', request, 1_000)).toEqual({ outcome: 'failed', error })
})

it('nothing is loaded for a request that came too late, or that is not ours', async () => {
  const { cache, asked } = answering({})
  expect(await refill(cache, 'shop', request, 2_000)).toEqual({ outcome: 'late' })
  expect(await refill(cache, 'shop', { ...request, owner: 'bank' }, 1_000)).toEqual({ outcome: 'foreign' })
  expect(await refill(cache, 'shop', { ...request, template: 'stock' }, 1_000)).toEqual({ outcome: 'foreign' })
  expect(asked).toEqual([])
})
