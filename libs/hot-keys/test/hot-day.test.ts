import { expect, it } from 'vitest'
import { hottestOfDay, hourOf } from '../src/index.js'

const nowMs = Date.UTC(2026, 5, 1, 12, 30)
const now = hourOf(nowMs)
const key = (name: string, count: number, owner = 'shop') => ({ owner, template: 'price', key: name, count })
const texts = (...hours: Parameters<typeof hottestOfDay>[0]) =>
  hottestOfDay(hours, nowMs).map(({ key: text, count }) => [text, count])

it('a key that was read much in each hour of the day is hotter than one that was read most in one', () => {
  expect(
    texts(
      { hour: now, keys: [key('now', 90)] },
      { hour: now - 1, keys: [key('always', 50), key('now', 1)] },
      { hour: now - 23, keys: [key('always', 60)] },
    ),
  ).toEqual([
    ['always', 110],
    ['now', 91],
  ])
})

it('what was read more than a day ago, or by a clock that is ahead, does not count', () => {
  expect(texts({ hour: now - 24, keys: [key('yesterday', 5)] }, { hour: now + 1, keys: [key('tomorrow', 5)] })).toEqual(
    [],
  )
})

it('keys of one text are two where they are of two services', () => {
  expect(texts({ hour: now, keys: [key('a', 5), key('a', 4, 'bank')] })).toEqual([
    ['a', 5],
    ['a', 4],
  ])
})
