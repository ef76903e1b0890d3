import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inherit, isVouched, joinable, newGeneration, shardTagText, type TagGeneration } from '../src/index.js'

describe('joining a load under way (R10)', () => {
  it('only if nothing was rotated since it captured', () => {
    const generation = fc.constantFrom('g1', 'g2')
    const read = fc.array(fc.option(generation, { nil: null }), { maxLength: 3 })
    fc.assert(
      fc.property(fc.array(generation, { maxLength: 3 }), read, (captured, justRead) => {
        expect(joinable(captured, justRead)).toBe(JSON.stringify(captured) === JSON.stringify(justRead))
      }),
    )
  })

  it('only what was validated or stored is vouched for', () => {
    expect(['validated', 'stored'].every((each) => isVouched(each === 'stored' ? 'stored' : 'validated'))).toBe(true)
    expect((['unstored', 'window', 'stale-if-error'] as const).some(isVouched)).toBe(false)
  })
})

describe('inheriting tags (R12)', () => {
  const tag: fc.Arbitrary<TagGeneration> = fc.record({
    shard: fc.nat(2),
    tag: fc.constantFrom('a', 'b'),
    generation: fc.constantFrom('g1', 'g2'),
  })
  const own = fc.uniqueArray(tag, { maxLength: 2, selector: shardTagText })

  it('a value is governed by every tag of its parts, or is not stored', () => {
    fc.assert(
      fc.property(own, fc.array(tag, { maxLength: 5 }), (mine, inner) => {
        const inheritance = inherit(mine, inner)
        const all = [...mine, ...inner]
        const generations = new Map(all.map((each) => [shardTagText(each), each.generation]))
        const consistent = all.every((each) => generations.get(shardTagText(each)) === each.generation)
        expect('further' in inheritance).toBe(consistent)
        if ('changed' in inheritance) return
        const governing = [...mine, ...inheritance.further]
        expect(new Set(governing.map(shardTagText))).toEqual(new Set(generations.keys()))
        expect(governing).toHaveLength(generations.size)
      }),
    )
  })
})

it('generations are 64 random bits', () => {
  const many = new Set(Array.from({ length: 1_000 }, newGeneration))
  expect(many.size).toBe(1_000)
  for (const each of many) expect(each).toMatch(/^[0-9a-f]{16}$/)
})
