import { NotStorableError } from '@freshet/cache'
import type { TypedKey } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { refill } from '../src/refill.js'
import { refreshOf, requestFor } from './requests.js'

const request = requestFor('7', { deadline: 2_000 })
const owner = 'shop'

it('a requested key is loaded through its template and stored', async () => {
  const asked: TypedKey[] = []
  const refresh = refreshOf(async (key) => {
    asked.push(key)
    return { layer: 'source' }
  })
  expect(await refill(refresh, owner, request, 1_000)).toEqual({ outcome: 'warmed' })
  expect(asked).toMatchObject([{ template: 'price', parameters: { item: '7' } }])
})

it('a key that someone else refilled, or is loading, stays theirs', async () => {
  expect(
    await refill(
      refreshOf(async () => ({ layer: 'l2' })),
      owner,
      request,
      1_000,
    ),
  ).toEqual({ outcome: 'fresh' })
  expect(
    await refill(
      refreshOf(async () => ({ joined: true })),
      owner,
      request,
      1_000,
    ),
  ).toEqual({ outcome: 'fresh' })
})

it('a refused fill and a failing loader are outcomes, not errors', async () => {
  const refused = refreshOf(async () => ({ refused: 'not-visible' }))
  expect(await refill(refused, owner, request, 1_000)).toEqual({
    outcome: 'refused',
    reason: 'not-visible',
    isLoaded: true,
  })
  const error = new Error('the source is down')
  const failing = refreshOf(() => Promise.reject(error))
  expect(await refill(failing, owner, request, 1_000)).toEqual({ outcome: 'failed', error })
})

it('a refill asks for nothing to be loaded that could not be stored, and says why', async () => {
  const options: unknown[] = []
  const answer: Parameters<typeof refreshOf>[0] = async (_key, asked) => {
    options.push(asked)
    throw new NotStorableError('price', 'not-visible')
  }
  const outcome = { outcome: 'refused', reason: 'not-visible', isLoaded: false }
  expect(await refill(refreshOf(answer), owner, request, 1_000)).toEqual(outcome)
  expect(await refill(refreshOf(answer, { windowMs: 1_000 }), owner, request, 1_000)).toEqual(outcome)
  expect(options).toEqual([{ fresh: true, onlyIfStorable: true }, { onlyIfStorable: true }])
})

it('within its window a value is loaded once, whoever loaded it: a refresh waits until that window nears its end', async () => {
  const found = async (loadedAtMs: number, nowMs: number) => {
    let loads = 0
    const answer: Parameters<typeof refreshOf>[0] = async (_key, options) => {
      if (!options.fresh) return { layer: 'l2', stale: true, vouched: false, loadedAtMs }
      loads++
      return {}
    }
    const refresh = refreshOf(answer, { windowMs: 1_000, nowMs })
    const late = { ...request, deadline: nowMs + 1 }
    return { ...(await refill(refresh, owner, late, nowMs)), loads }
  }
  const early = { outcome: 'early', notBefore: 5_950, deadline: 6_000, loads: 0 }
  expect(await found(5_000, 5_010)).toEqual(early)
  expect(await found(5_000, 5_899)).toEqual(early)
  expect(await found(5_000, 5_901)).toEqual({ outcome: 'warmed', loads: 1 })
})

it('a key whose window is over, or that is fresh, is read once', async () => {
  let reads = 0
  const refresh = refreshOf(async () => (++reads, {}), { windowMs: 1_000 })
  expect(await refill(refresh, owner, request, 1_000)).toEqual({ outcome: 'warmed' })
  expect(reads).toBe(1)
})

it('nothing is loaded for a request that came too late, or that is not ours', async () => {
  const untouched = refreshOf(() => Promise.reject(new Error('nothing should be read')))
  expect(await refill(untouched, owner, request, 2_000)).toEqual({ outcome: 'late' })
  expect(await refill(untouched, owner, { ...request, owner: 'bank' }, 1_000)).toEqual({ outcome: 'foreign' })
  expect(await refill(untouched, owner, { ...request, template: 'stock' }, 1_000)).toEqual({ outcome: 'foreign' })
})

it("another version's template of the same name with other parameters is foreign, and no failure of the source", async () => {
  const untouched = refreshOf(() => Promise.reject(new Error('nothing should be read')))
  const before = { ...request, key: 'shop:1:item:7:price', parameters: { shop: '1', article: '7' } }
  expect(await refill(untouched, owner, before, 1_000)).toEqual({ outcome: 'foreign' })
})
