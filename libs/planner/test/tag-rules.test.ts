import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPlanner, tagRules, type Change, type Row } from '@freshet/planner'
import { columns, complete, rule, truth, worldOf } from './small-world.js'

it('of whatever a plan fences, the rules that fenced it are among those that can', () => {
  const rules = fc.array(rule, { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(rules, truth, fc.subarray([...columns]), (declared, of, known: readonly string[]) => {
      const world = worldOf(declared)
      const told = (row: Row | undefined): Row | undefined =>
        row && Object.fromEntries(Object.entries(row).filter(([name]) => name === 'id' || known.includes(name)))
      const whole = complete(of)
      const change: Change = { ...whole, old: told(whole.old), new: told(whole.new) }
      const rulesOf = tagRules([world])
      for (const { tag, because } of createPlanner([world]).planChange(change).fences) {
        const found = rulesOf(tag, 'row').map((each) => each.rule)
        expect(found).toEqual(expect.arrayContaining(because.map((cause) => cause.rule)))
        expect(found.length).toBeLessThanOrEqual(declared.length)
      }
    }),
    { numRuns: 500 },
  )
})

it('a rule on another entity, and one that never names the tag, are not among them', () => {
  const on = { table: 'public.rows' }
  const world = worldOf([
    { on, fences: [{ key: 'one', with: { a: 'id' } }] },
    { on, fences: [{ wildcard: 'every:*', with: {} }] },
  ])
  const fenced = createPlanner([world]).planChange({ table: 'public.rows', operation: 'insert', new: { id: 1 } })
  const tag = fenced.fences.map((fence) => fence.tag).find(({ text }) => text === 'one:1')
  if (tag === undefined) throw new Error('the rule does not fence one:1')
  const rulesOf = tagRules([world])
  expect(rulesOf(tag)).toEqual([{ owner: 'small', version: '1', rule: 0, source: 'public.rows' }])
  expect(rulesOf(tag, 'row')).toHaveLength(1)
  expect(rulesOf(tag, 'member')).toEqual([])
  expect(rulesOf({ ...tag, shard: (Number(tag.shard) + 1) % 1_024 })).toEqual([])
})
