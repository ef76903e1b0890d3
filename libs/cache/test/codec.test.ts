import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode } from '../src/codec.js'
import { UnencodableValueError } from '../src/errors.js'
import { keys, World } from './world/world.js'

class Money {
  constructor(readonly amount: number) {}
}
const cyclic: Record<string, unknown> = { name: 'loop' }
cyclic.self = cyclic

describe('a value', () => {
  it('comes back equal, or is refused', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: false }),
        (value) => {
          let bytes: Buffer
          try {
            bytes = encode(value)
          } catch (error) {
            expect(error).toBeInstanceOf(UnencodableValueError)
            return
          }
          expect(decode(bytes)).toEqual(JSON.parse(JSON.stringify(value)))
          expect(JSON.stringify(decode(bytes))).toBe(JSON.stringify(value))
        },
      ),
    )
  })

  it('of JSON is never refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        encode(value)
      }),
    )
  })

  it.each([
    ['.since', { since: new Date(0) }, 'a Date'],
    ['.rows[1].amount', { rows: [{}, { amount: 10n }] }, 'a bigint'],
    ['[0]', [Number.NaN], 'NaN'],
    ['.name', { name: undefined }, 'undefined'],
    ['(the value itself)', undefined, 'undefined'],
    ['.total', { total: new Money(5) }, 'a Money'],
    ['.tags', { tags: new Map() }, 'a Map'],
    ['.self', cyclic, 'a reference to what holds it'],
    ['[1]', Object.assign(Array.from({ length: 0 }), { 0: 1, 2: 3 }), 'a hole'],
  ])('that JSON does not keep is refused, naming %s', (path, value, found) => {
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'UNENCODABLE_VALUE', path, found }))
  })

  it('that is refused names its template, and the next read may succeed', async () => {
    const world = await World.open()
    const { cache } = world.client()
    const read = cache.get(keys.statement.of({ id: 1 }), () => ({ at: new Date(0) }))
    await expect(read).rejects.toThrow('The value of "statement" has a Date at .at')
    expect(await cache.get(keys.statement.of({ id: 1 }), () => null)).toBeNull()
    expect(await cache.read(keys.statement.of({ id: 1 }), () => 'x')).toMatchObject({ value: null, layer: 'l2' })
  })

  it('is frozen in depth, from every layer', async () => {
    const world = await World.open()
    const { cache } = world.client({ l1: true })
    const key = keys.statement.of({ id: 1 })
    const load = () => ({ rows: [{ amount: 1 }] })
    for (const layer of ['source', 'l1', 'l2'] as const) {
      const { value, layer: from } = await cache.read(key, load, { fresh: layer === 'l2' })
      expect(from).toBe(layer)
      const { rows } = value as ReturnType<typeof load>
      expect([value, rows, rows[0]].map((part) => Object.isFrozen(part))).toEqual([true, true, true])
    }
  })
})
