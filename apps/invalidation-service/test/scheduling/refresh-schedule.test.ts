import { shardOf } from '@freshet/cache-keys'
import { catalog, key, table } from '@freshet/catalog'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HotIndex } from '../../src/scheduling/hot-index.js'
import { RefreshSchedule } from '../../src/scheduling/refresh-schedule.js'

const windowMs = 10_000
const keys = {
  card: key('member:{id}:card', { ttl: '1h', staleWhileRevalidate: '10s' }),
  balance: key('member:{id}:balance', { ttl: '1h' }),
}
const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })
const one = catalog('one', {
  version: '1',
  keys,
  rules: [members.any.fences((m) => [keys.card.of({ id: m.id }), keys.balance.of({ id: m.id })])],
})

/** So many hot members, the hottest first. */
function targets(count: number, template: 'card' | 'balance' = 'card') {
  const hot = Array.from({ length: count }, (_, id) => ({ key: `member:${id}:${template}`, owner: 'one', template }))
  const index = new HotIndex(hot, [one])
  return hot.map((each, id) => {
    const [target] = index.coveredBy({ text: each.key, shard: shardOf(`member:${id}`) })
    if (target === undefined) throw new Error(`${each.key} is not hot`)
    return target
  })
}

describe('a hot key with a window', () => {
  it('is refreshed within it: the hottest first, spread over it', () => {
    const fenced = targets(100)
    const refreshes = new RefreshSchedule().plan([...fenced].reverse(), 1_000)
    expect(refreshes.map(({ target }) => target.rank)).toEqual(fenced.map(({ rank }) => rank))
    const begins = refreshes.map(({ notBefore }) => notBefore)
    expect(begins).toEqual([...begins].sort((left, right) => left - right))
    const fullestSecond = Math.max(
      ...begins.map((from) => begins.filter((at) => at >= from && at < from + 1_000).length),
    )
    expect(fullestSecond).toBeLessThan(100 / 6)
    for (const { notBefore, deadline } of refreshes) {
      expect(deadline).toBe(1_000 + windowMs)
      expect(notBefore).toBeLessThanOrEqual(deadline - 0.05 * windowMs)
    }
  })

  it('that is fenced all the time is loaded once a window, and each time before the window of what it had is over', () => {
    fc.assert(
      fc.property(fc.integer({ min: 25, max: 400 }), fc.integer({ min: 1, max: 8 }), (everyMs, count) => {
        const schedule = new RefreshSchedule()
        const hot = targets(count)
        const begins = new Map<number, number[]>(hot.map(({ rank }) => [rank, []]))
        const untilMs = 10 * windowMs
        for (let now = 0; now < untilMs; now += everyMs) {
          const refreshes = schedule.plan(hot, now)
          schedule.asked(refreshes, now)
          for (const { target, notBefore } of refreshes) begins.get(target.rank)?.push(notBefore)
        }
        for (const all of begins.values()) {
          expect(all.length).toBeLessThanOrEqual(untilMs / (0.95 * windowMs) + 2)
          for (const [at, begin] of all.entries()) {
            const loadedAt = at === 0 ? 0 : (all[at - 1] ?? 0)
            const firstFenceSince = Math.ceil(loadedAt / everyMs) * everyMs
            expect(begin).toBeLessThan(firstFenceSince + windowMs)
            if (at > 0) expect(begin - loadedAt).toBeGreaterThan(0.94 * windowMs)
          }
        }
      }),
    )
  })

  it('is asked for again as long as the warmer does not have the request', () => {
    const schedule = new RefreshSchedule()
    const hot = targets(3)
    const first = schedule.plan(hot, 0)
    expect(schedule.plan(hot, 1)).toHaveLength(3)
    schedule.asked(first, 1)
    expect(schedule.plan(hot, 2)).toEqual([])
  })
})

it('a strict hot key is refilled at once, before all that have a window, and while it is fenced on, four times a second', () => {
  const schedule = new RefreshSchedule()
  const fenced = [...targets(3), ...targets(2, 'balance')]
  const refreshes = schedule.plan(fenced, 500)
  expect(refreshes.slice(0, 2).map(({ target }) => target.template.name)).toEqual(['balance', 'balance'])
  expect(refreshes.slice(0, 2).map(({ notBefore }) => notBefore)).toEqual([500, 500])
  schedule.asked(refreshes, 500)
  const begins: number[] = []
  for (let now = 501; now < 1_500; now++) {
    const again = schedule
      .plan(fenced, now)
      .filter(({ target }) => target.rank === 0 && target.template.name === 'balance')
    schedule.asked(again, now)
    begins.push(...again.map(({ notBefore }) => notBefore))
  }
  expect(begins).toEqual([750, 1_000, 1_250, 1_500])
})
