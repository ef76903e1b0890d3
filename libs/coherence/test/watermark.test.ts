import fc from 'fast-check'
import { expect, it } from 'vitest'
import { leastApplied, type AppliedWatermark } from '../src/index.js'
import { anyMoment } from './arbitraries.js'

const mark: fc.Arbitrary<AppliedWatermark> = anyMoment.map((moment) => ({
  ...moment,
  systemId: 's',
  timeline: 1,
  databaseTimeMs: 0,
}))

it('all partitions together vouch for no more than the least of them', () => {
  fc.assert(
    fc.property(fc.array(mark, { minLength: 1 }), (marks) => {
      const least = leastApplied(marks)
      expect(marks).toContain(least)
      expect(marks.every((each) => least !== undefined && each.lsn >= least.lsn)).toBe(true)
    }),
  )
})

it('nothing is vouched for while a partition has no watermark, or they come from different timelines', () => {
  fc.assert(
    fc.property(fc.array(mark, { minLength: 1 }), fc.nat(), (marks, position) => {
      const place = position % marks.length
      expect(leastApplied([...marks.slice(0, place), undefined, ...marks.slice(place)])).toBeUndefined()
      const [first] = marks
      if (first) expect(leastApplied([...marks, { ...first, timeline: 2 }])).toBeUndefined()
    }),
  )
  expect(leastApplied([])).toBeUndefined()
})
