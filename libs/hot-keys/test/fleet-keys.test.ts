import { expect, it } from 'vitest'
import { FleetKeys } from '@freshet/hot-keys'

const minuteMs = 60_000
const now = 100 * minuteMs

const report = (count: number, given: { key?: string; owner?: string; endedAt?: number } = {}) => ({
  owner: 'members-api',
  endedAt: now,
  ...given,
  keys: [{ template: 'balance', key: given.key ?? 'member:42:balance', count }],
})

it('what several clients report of one key is added up, and names its template', () => {
  const fleet = new FleetKeys()
  fleet.add(report(60), now)
  expect(fleet.hot()).toEqual([])
  fleet.add(report(60), now)
  expect(fleet.hot()).toEqual([
    { key: 'member:42:balance', owner: 'members-api', template: 'balance', count: 120, rank: 1, hot: true },
  ])
})

it('one key text in the catalogs of two owners is two keys', () => {
  const fleet = new FleetKeys()
  fleet.add(report(60), now)
  fleet.add(report(61, { owner: 'reports' }), now)
  expect(fleet.hot()).toEqual([])
  expect(fleet.top(10).map(({ owner, count }) => [owner, count])).toEqual([
    ['reports', 61],
    ['members-api', 60],
  ])
})

it('of the keys that are read most it says which are hot: often enough, and among so many', () => {
  const fleet = new FleetKeys({ among: 2, moreThan: 100 })
  for (const [key, count] of [
    ['a', 300],
    ['b', 200],
    ['c', 150],
    ['d', 100],
  ] as const)
    fleet.add(report(count, { key }), now)
  expect(fleet.hot().map(({ key }) => key)).toEqual(['a', 'b'])
  expect(fleet.top(4).map(({ key, rank, hot }) => [key, rank, hot])).toEqual([
    ['a', 1, true],
    ['b', 2, true],
    ['c', 3, false],
    ['d', 4, false],
  ])
})

it('a client whose clock is a day ahead does not end the window of the others', () => {
  const fleet = new FleetKeys()
  fleet.add(report(120), now)
  fleet.add(report(1, { key: 'of-the-early-one', endedAt: now + 24 * 60 * minuteMs }), now)
  fleet.add(report(120), now)
  expect(fleet.hot().map(({ count }) => count)).toEqual([240])
})
