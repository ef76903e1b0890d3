import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPlanner, type Change, type Row } from '@freshet/planner'
import { columns, complete, everyKey, isFenced, rule, shouldFence, truth, worldOf } from './small-world.js'

describe('a plan', () => {
  it('of a completely known change fences exactly the keys that the rules say', () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 3 }), truth, (rules, of) => {
        const world = worldOf(rules)
        const plan = createPlanner([world]).planChange(complete(of))
        for (const key of everyKey(world))
          expect([key.text, isFenced(world, plan, key)]).toEqual([key.text, shouldFence(world, of, key)])
      }),
      { numRuns: 500 },
    )
  })

  it('of a change that is known in part fences at least these, whatever is missing', () => {
    const kept = fc.subarray([...columns])
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 3 }),
        truth,
        kept,
        fc.boolean(),
        fc.boolean(),
        (rules, of, inOld, tellChanged, sendOld) => {
          const world = worldOf(rules)
          const whole = complete(of)
          const only = (held: Row | undefined, names: readonly string[]): Row | undefined =>
            held && Object.fromEntries(Object.entries(held).filter(([name]) => names.includes(name)))
          // The protocol leaves the old image out only where the key is unchanged, and TOAST only where it did not change.
          const keyUnchanged = of.operation !== 'update' || of.old.id === of.new.id
          const old =
            !sendOld && keyUnchanged && of.operation === 'update' ? undefined : only(whole.old, ['id', ...inOld])
          const now =
            of.operation === 'update'
              ? only(
                  whole.new,
                  columns.filter((name) => name !== 'state' || of.old.state !== of.new.state),
                )
              : whole.new
          const partial: Change = { ...whole, old, new: now, changed: tellChanged ? whole.changed : undefined }
          const plan = createPlanner([world]).planChange(partial)
          for (const key of everyKey(world))
            if (shouldFence(world, of, key)) expect([key.text, isFenced(world, plan, key)]).toEqual([key.text, true])
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('of a truncate fences every key that any rule can reach', () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 3 }), truth, (rules, of) => {
        const world = worldOf(rules)
        const plan = createPlanner([world]).planChange({ table: 'public.rows', operation: 'truncate' })
        for (const key of everyKey(world))
          if (shouldFence(world, of, key)) expect([key.text, isFenced(world, plan, key)]).toEqual([key.text, true])
      }),
    )
  })
})
