import fc from 'fast-check'
import { expect, it } from 'vitest'
import { admit, afterLoad, closed, type Breaker, type Sign } from '../src/pace/breaker.js'
import { Breakers } from '../src/pace/breakers.js'
import { nextLimit } from '../src/pace/load-limit.js'
import { PoolPace } from '../src/pace/pool-pace.js'
import { jobOf } from '../src/queue/refill-job.js'
import { Warmer } from '../src/warmer.js'
import { eventually } from '@freshet/testing/live'
import { refreshOf, requestFor } from './requests.js'

const waits = fc.oneof(fc.double({ min: 0, max: 5_000, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY))

it('the warmer always runs at least one load and never more than it may, whatever the waits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(waits), (max, series) => {
      for (let limit = max, at = 0; at < series.length; at++) {
        limit = nextLimit(limit, series[at] ?? 0, max)
        expect(limit).toBeGreaterThanOrEqual(1)
        expect(limit).toBeLessThanOrEqual(max)
      }
    }),
  )
})

it('a longer wait never allows more, and long waits bring it down to one load, short ones back to all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), waits, waits, (limit, one, other) => {
      if (one <= other) expect(nextLimit(limit, one, 50)).toBeGreaterThanOrEqual(nextLimit(limit, other, 50))
    }),
  )
  let limit = 50
  for (let at = 0; at < 20; at++) limit = nextLimit(limit, 500, 50)
  expect(limit).toBe(1)
  for (let at = 0; at < 50; at++) limit = nextLimit(limit, 1, 50)
  expect(limit).toBe(50)
})

const after = (signs: readonly Sign[], nowMs = 0): Breaker =>
  signs.reduce<Breaker>((breaker, sign) => afterLoad(breaker, sign, nowMs), closed)
const failures = Array<Sign>(5).fill('failed')

it('five failures in a row hold a template back for ten seconds, four and a success do not', () => {
  expect(admit(after([...failures.slice(1), 'ok', ...failures.slice(1)]), 0).waitMs).toBe(0)
  expect(admit(after(failures), 4_000).waitMs).toBe(6_000)
})

it('then one load tries: a success opens the way, a failure closes it again', () => {
  const tried = admit(after(failures), 10_000)
  expect(tried).toEqual({ waitMs: 0, breaker: { at: 'trying' } })
  expect(admit(tried.breaker, 10_000).waitMs).toBeGreaterThan(0)
  expect(afterLoad(tried.breaker, 'ok', 10_100)).toEqual(closed)
  expect(admit(afterLoad(tried.breaker, 'failed', 10_100), 10_100).waitMs).toBe(10_000)
  // it asked nothing of the source: the next one tries
  expect(admit(afterLoad(tried.breaker, 'unknown', 10_100), 10_100).waitMs).toBe(0)
})

it('no series of outcomes holds a template back for ever', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Sign>('ok', 'failed', 'unknown')), (signs) => {
      expect(admit(after(signs), 10_000).waitMs).toBe(0)
    }),
  )
})

it('while one load tries, jobs whose deadline is over let no other one try', async () => {
  const started = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  let tries = 0
  const cache = refreshOf(async () => {
    if (++tries <= 5) throw new Error('away')
    started.resolve()
    await answer.promise
    return {}
  })
  const warmer = new Warmer(cache, 'shop', new Breakers(), () => undefined)
  const job = (deadline: number) => jobOf(requestFor('7', { deadline }))
  const inTime = job(Date.now() + 60_000)
  for (let at = 0; at < 5; at++) await warmer.refillOne(inTime).catch(() => undefined)
  const laterMs = Date.now() + 10_001
  expect(warmer.holdBackMs(inTime, laterMs)).toBe(0)
  const trying = warmer.refillOne(inTime)
  await started.promise
  const late = job(0)
  expect(warmer.holdBackMs(late, laterMs)).toBe(0)
  await warmer.refillOne(late)
  expect(warmer.holdBackMs(inTime, laterMs)).toBeGreaterThan(0)
  answer.resolve()
  await trying
  expect(warmer.holdBackMs(inTime, laterMs)).toBe(0)
})

it('a pool that makes loads wait lowers the limit, and one that cannot be reached too', async () => {
  const limits: number[] = []
  let isBusy = true
  const pool = { connect: () => Promise.reject(new Error('away')) }
  const pace = new PoolPace({
    pool,
    max: 50,
    intervalMs: 1,
    isBusy: () => isBusy,
    onPace: ({ limit }) => limits.push(limit),
  })
  await eventually(() => limits.at(-1), 1)
  isBusy = false
  await eventually(() => limits.at(-1), 50) // nothing is known of it any more
  pace.close()
  expect(limits.slice(0, 2)).toEqual([50, 35])
})
