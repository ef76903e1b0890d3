import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  delayMsOf,
  distinctJobs,
  jobOf,
  merged,
  queuePriorityOf,
  RefillRefusedError,
  retryDelayMs,
} from '../src/queue/refill-job.js'
import { requestFor } from './requests.js'

const times = fc.record({
  notBefore: fc.nat(1_000_000),
  deadline: fc.nat(1_000_000),
  priority: fc.integer({ min: -10, max: 10 }),
})
const jobWith = (change: Parameters<typeof requestFor>[1]) => jobOf(requestFor('1', change))

it('a later request never puts a waiting job off, makes it less urgent or lets it end earlier, in any order', () => {
  fc.assert(
    fc.property(times, times, (one, other) => {
      const both = merged(jobWith(one), jobWith(other))
      expect(both).toEqual(merged(jobWith(other), jobWith(one)))
      expect(both.notBefore).toBe(Math.min(one.notBefore, other.notBefore))
      expect(both.deadline).toBe(Math.max(one.deadline, other.deadline))
      expect(both.priority).toBe(Math.max(one.priority, other.priority))
    }),
  )
})

it('a key that a batch names often is one job, and other owners, templates and keys are others', () => {
  const requests = [
    requestFor('1', { deadline: 5 }),
    requestFor('1', { deadline: 9 }),
    requestFor('2'),
    requestFor('1', { owner: 'bank' }),
    requestFor('1', { template: 'stock' }),
  ]
  const jobs = [...distinctJobs(requests).values()]
  expect(jobs).toHaveLength(4)
  expect(jobs[0]).toMatchObject({ owner: 'shop', parameters: { item: '1' }, deadline: 9 })
})

it('a job is due at its time, at its deadline at the latest, and at once when that has passed', () => {
  expect(delayMsOf(jobWith({ notBefore: 150, deadline: 900 }), 100)).toBe(50)
  expect(delayMsOf(jobWith({ notBefore: 1_500, deadline: 900 }), 100)).toBe(800)
  expect(delayMsOf(jobWith({ notBefore: 50, deadline: 900 }), 100)).toBe(0)
})

it('the more urgent request stands before the other in the queue, whatever its number', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: -1e6, max: 1e6 }), (one, other) => {
      if (one > other) expect(queuePriorityOf(one)).toBeLessThan(queuePriorityOf(other))
    }),
  )
  for (const extreme of [-1e12, 1e12, 0.4]) {
    expect(queuePriorityOf(extreme)).toBeGreaterThanOrEqual(1) // 0 would go before all
    expect(queuePriorityOf(extreme)).toBeLessThanOrEqual(2_097_151)
  }
})

it('a refused refill is tried again within milliseconds, a failed one after a second, each further one later', () => {
  const refused = new RefillRefusedError('not-visible')
  expect(retryDelayMs(1, refused, 1)).toBe(5)
  expect(retryDelayMs(1, new Error('the source is down'), 1)).toBe(1_000)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 99 }),
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (made, isRefused, random) => {
        const error = isRefused ? refused : new Error('down')
        expect(retryDelayMs(made + 1, error, 1)).toBeGreaterThanOrEqual(retryDelayMs(made, error, 1))
        const full = retryDelayMs(made, error, 1)
        expect(full).toBeLessThanOrEqual(30_000)
        expect(retryDelayMs(made, error, random)).toBeGreaterThanOrEqual(Math.floor(full / 2))
        expect(retryDelayMs(made, error, random)).toBeLessThanOrEqual(full)
      },
    ),
  )
})
