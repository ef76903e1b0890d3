import { expect, it } from 'vitest'
import { Warmer, type RefillEnded } from '../src/warmer.js'
import { cacheOf, requestFor } from './requests.js'

const never = new AbortController().signal
const items = (count: number) => Array.from({ length: count }, (_, item) => String(item))

it('a batch is done when its last refill is, however many fail on the way', async () => {
  const ended: RefillEnded[] = []
  const cache = cacheOf(async ({ parameters }) => {
    await new Promise(setImmediate)
    if (parameters['item'] === '3') throw new Error('the source is down')
    return {}
  })
  await new Warmer(cache, 'shop', 50, (one) => ended.push(one)).refillAll(
    items(10).map((item) => requestFor(item)),
    never,
  )
  expect(ended.map(({ outcome }) => outcome).sort()).toEqual(['failed', ...Array<string>(9).fill('warmed')])
})

it('never asks more of the source at once than the limit', async () => {
  let running = 0
  let most = 0
  const cache = cacheOf(async () => {
    most = Math.max(most, ++running)
    await new Promise(setImmediate)
    running--
    return {}
  })
  await new Warmer(cache, 'shop', 50, () => undefined).refillAll(
    items(200).map((item) => requestFor(item)),
    never,
  )
  expect(most).toBe(50)
})

it('a key that a batch names often is refilled once, as asked last', async () => {
  const ended: RefillEnded[] = []
  const requests = [requestFor('1'), requestFor('1', { deadline: 1 }), requestFor('2'), requestFor('1')]
  await new Warmer(
    cacheOf(async () => ({})),
    'shop',
    50,
    (one) => ended.push(one),
  ).refillAll(requests, never)
  expect(ended.map(({ outcome }) => outcome)).toEqual(['warmed', 'warmed'])
})

it('a request is not served before its time', async () => {
  const notBefore = Date.now() + 50
  let servedAt = 0
  const cache = cacheOf(async () => {
    servedAt = Date.now()
    return {}
  })
  await new Warmer(cache, 'shop', 50, () => undefined).refillAll([requestFor('1', { notBefore })], never)
  expect(servedAt).toBeGreaterThanOrEqual(notBefore)
})

it('a batch that is taken away ends at once, undone', async () => {
  const taken = new AbortController()
  const far = Date.now() + 60_000
  const requests = [requestFor('1'), requestFor('2', { notBefore: far, deadline: far + 1 })]
  const cache = cacheOf(async () => {
    taken.abort()
    return {}
  })
  await expect(new Warmer(cache, 'shop', 50, () => undefined).refillAll(requests, taken.signal)).rejects.toThrow(
    'aborted',
  )
})
