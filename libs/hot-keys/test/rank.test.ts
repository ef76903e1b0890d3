import { FleetKeys } from '@freshet/hot-keys'
import fc from 'fast-check'
import { expect, it } from 'vitest'

it('one key is found with the rank, the reads and the heat that it has among all', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const keys = fc.array(fc.record({ template: name, key: name, count: fc.integer({ min: 1, max: 4 }) }), {
    maxLength: 20,
  })
  const rule = fc.record({ among: fc.integer({ min: 1, max: 5 }), moreThan: fc.integer({ min: 0, max: 6 }) })
  fc.assert(
    fc.property(rule, keys, name, name, (hot, read, template, key) => {
      const fleet = new FleetKeys(hot)
      fleet.add({ owner: 'shop', endedAt: 1_000, keys: read }, 1_000)
      const among = fleet.top(1_000).find((each) => each.template === template && each.key === key)
      expect(fleet.find({ owner: 'shop', template, key })).toEqual(among)
      expect(fleet.find({ owner: 'other', template, key })).toBeUndefined()
    }),
  )
})
