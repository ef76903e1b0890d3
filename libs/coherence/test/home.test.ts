import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cursorOfAll, holds, type Lineage, type Speaker } from '../src/index.js'

const id = fc.constantFrom('a', 'b', 'c')
const offset = fc.bigInt(0n, 12n)
const written = fc.record({ id, offset })
const lineage: fc.Arbitrary<Lineage> = fc.record({
  id,
  former: fc.option(fc.record({ id, end: offset }), { nil: undefined }),
})
const speaker: fc.Arbitrary<Speaker<{ offset: bigint }>> = fc.record({
  lineage: fc.option(lineage, { nil: undefined, freq: 9 }),
  written,
  cursor: fc.option(fc.record({ offset }), { nil: undefined, freq: 9 }),
})

describe('a home is believed only by the history that it was written in', () => {
  it('a replica that takes over holds what its master wrote before the copy, and nothing that was written later', () => {
    fc.assert(
      fc.property(offset, offset, (at, copied) => {
        const master: Lineage = { id: 'a', former: undefined }
        const successor: Lineage = { id: 'b', former: { id: 'a', end: copied + 1n } }
        expect(holds(master, { id: 'a', offset: at })).toBe(true)
        expect(holds(successor, { id: 'a', offset: at })).toBe(at < copied) // written at `at`, it is the next
        expect(holds(successor, { id: 'b', offset: at })).toBe(true)
      }),
    )
  })

  it('what another master wrote, and came with a slot, is not', () => {
    fc.assert(
      fc.property(lineage, written, (held, other) => {
        if (other.id !== held.id && other.id !== held.former?.id) expect(holds(held, other)).toBe(false)
      }),
    )
  })
})

describe('a partition goes on where no place of the Cluster misses a fence', () => {
  it('from the lowest cursor of all homes that speak, and not at all where one is missing or not believed', () => {
    fc.assert(
      fc.property(fc.array(fc.option(speaker, { nil: undefined, freq: 9 }), { minLength: 1 }), (speakers) => {
        const sure = speakers.map((each) =>
          each?.lineage && holds(each.lineage, each.written) ? each.cursor?.offset : undefined,
        )
        const found = cursorOfAll(speakers)?.offset
        if (sure.includes(undefined)) expect(found).toBeUndefined()
        else expect(sure.toSorted((one, other) => Number((one ?? 0n) - (other ?? 0n)))[0]).toBe(found)
      }),
    )
  })

  it('a place more never moves it forward', () => {
    fc.assert(
      fc.property(fc.array(speaker), speaker, (speakers, another) => {
        const all = cursorOfAll([...speakers, another])
        const without = cursorOfAll(speakers)
        if (all && without) expect(all.offset <= without.offset).toBe(true)
      }),
    )
  })
})
