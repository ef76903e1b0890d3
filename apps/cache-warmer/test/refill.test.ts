import type { TypedKey } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { refill } from '../src/refill.js'
import { cacheOf, requestFor } from './requests.js'

const request = requestFor('7', { deadline: 2_000 })

it('a requested key is loaded through its template and stored', async () => {
  const asked: TypedKey[] = []
  const cache = cacheOf(async (key) => {
    asked.push(key)
    return { layer: 'source' }
  })
  expect(await refill(cache, 'shop', request, 1_000)).toEqual({ outcome: 'warmed' })
  expect(asked).toMatchObject([{ template: 'price', parameters: { item: '7' } }])
})

it('a key that someone else refilled, or is loading, stays theirs', async () => {
  expect(
    await refill(
      cacheOf(async () => ({ layer: 'l2' })),
      'shop',
      request,
      1_000,
    ),
  ).toEqual({ outcome: 'fresh' })
  expect(
    await refill(
      cacheOf(async () => ({ joined: true })),
      'shop',
      request,
      1_000,
    ),
  ).toEqual({ outcome: 'fresh' })
})

it('a refused fill and a failing loader are outcomes, not errors', async () => {
  const refused = cacheOf(async () => ({ refused: 'not-visible' }))
  expect(await refill(refused, 'shop', request, 1_000)).toEqual({ outcome: 'refused', reason: 'not-visible' })
  const error = new Error('the source is down')
  const failing = cacheOf(() => Promise.reject(error))
  expect(await refill(failing, 'shop', request, 1_000)).toEqual({ outcome: 'failed', error })
})

it('nothing is loaded for a request that came too late, or that is not ours', async () => {
  const untouched = cacheOf(() => Promise.reject(new Error('nothing should be read')))
  expect(await refill(untouched, 'shop', request, 2_000)).toEqual({ outcome: 'late' })
  expect(await refill(untouched, 'shop', { ...request, owner: 'bank' }, 1_000)).toEqual({ outcome: 'foreign' })
  expect(await refill(untouched, 'shop', { ...request, template: 'stock' }, 1_000)).toEqual({ outcome: 'foreign' })
})

it("another version's template of the same name with other parameters is foreign, and no failure of the source", async () => {
  const untouched = cacheOf(() => Promise.reject(new Error('nothing should be read')))
  const before = { ...request, key: 'shop:1:item:7:price', parameters: { shop: '1', article: '7' } }
  expect(await refill(untouched, 'shop', before, 1_000)).toEqual({ outcome: 'foreign' })
})
