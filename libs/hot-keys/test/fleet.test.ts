import { describe, expect, it } from 'vitest'
import { AccessCounter, FleetWindow } from '@freshet/hot-keys'
import { seeded, zipf } from './zipf.js'

const keys = 1_000_000
const instances = 20

describe('the hottest keys of a fleet', () => {
  it.each([0.8, 1, 1.2])(
    'are found out of a million, read by the law of Zipf with exponent %d, over 20 instances',
    (exponent) => {
      const random = seeded(Math.round(exponent * 10))
      const draw = zipf(keys, exponent, random)
      const truth = new Uint32Array(keys)
      const fleet = new FleetWindow()
      const counters = Array.from({ length: instances }, () => new AccessCounter({ random }))
      for (let second = 0; second < 60; second++)
        for (const counter of counters) {
          for (let read = 0; read < 1_000; read++) {
            const key = draw()
            truth[key] = (truth[key] ?? 0) + 1
            counter.read(`member:${key}:balance`)
          }
          fleet.add(second * 1_000, counter.take())
        }
      const hundredth = [...truth].sort((left, right) => right - left)[99] ?? 0
      const top = fleet.hot({ among: 100, moreThan: 0 })
      // by counts, since the last of the hundred have equals
      const right = top.filter(({ key }) => (truth[Number(key.split(':')[1])] ?? 0) >= hundredth)
      expect(right.length).toBeGreaterThanOrEqual(95)
    },
    60_000,
  )
})

describe('a key that is read seldom', () => {
  /** `reads` of it in an hour, spread over all instances, among thirty others in each second. */
  function hourOf(reads: number): FleetWindow {
    const random = seeded(reads)
    const fleet = new FleetWindow()
    const counters = Array.from({ length: instances }, () => new AccessCounter({ random }))
    const due = Array.from({ length: reads }, (_, read) => Math.floor((read * 3_600) / reads))
    for (let second = 0; second < 3_600; second++)
      for (const [instance, counter] of counters.entries()) {
        for (let other = 0; other < 30; other++) counter.read(`other:${Math.floor(random() * 5_000)}`)
        due.forEach((at, read) => {
          if (at === second && read % instances === instance) counter.read('seldom')
        })
        fleet.add(second * 1_000, counter.take())
      }
    return fleet
  }
  const isHot = (fleet: FleetWindow) =>
    fleet.hot({ among: 1_000_000, moreThan: 100 }).some(({ key }) => key === 'seldom')

  it('is hot with 110 reads in the hour over 20 instances, and not with 90', () => {
    expect(isHot(hourOf(110))).toBe(true)
    expect(isHot(hourOf(90))).toBe(false)
  }, 120_000)
})
