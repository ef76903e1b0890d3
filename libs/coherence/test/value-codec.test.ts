import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeValue, encodeValue, type ValueHeader } from '../src/index.js'

interface Fixture {
  readonly what: string
  readonly base64: string
  readonly header: ValueHeader
  readonly payload: string
}

const fixtures = (): Fixture[] =>
  JSON.parse(readFileSync(new URL('./fixtures/values.json', import.meta.url), 'utf8')) as Fixture[]

const generation = fc.stringMatching(/^[0-9a-f]{16}$/)
const header: fc.Arbitrary<ValueHeader> = fc
  .record({
    g: fc.array(generation, { maxLength: 4 }),
    x: fc.option(fc.array(fc.tuple(fc.nat(1023), fc.string(), generation), { maxLength: 3 }), { nil: undefined }),
    at: fc.nat(),
    ttl: fc.nat(),
    lease: fc.boolean(),
  })
  .map(({ g, x, at, ttl, lease }) => ({ v: 1, g, at, ttl, ...(x && { x }), ...(lease && { lease }) }))

describe('a stored value', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(header, fc.uint8Array(), (written, payload) => {
        const value = decodeValue(encodeValue(written, payload))
        expect(value?.header).toEqual(written)
        expect(value?.payload).toEqual(Buffer.from(payload))
      }),
    )
  })

  it.each(fixtures())('$what is still read', ({ base64, header, payload }) => {
    const value = decodeValue(Buffer.from(base64, 'base64'))
    expect(value?.header).toEqual(header)
    expect(value?.payload.toString()).toBe(payload)
  })

  it('of an unknown version is a miss', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), header, (version, written) => {
        const bytes = encodeValue(written, Buffer.from('x'))
        bytes.writeUInt8(version, 0)
        if (version !== 1) expect(decodeValue(bytes)).toBeUndefined()
      }),
    )
  })

  it('that was cut short or is not one of ours is a miss, never an error', () => {
    fc.assert(
      fc.property(header, fc.nat(), fc.uint8Array(), (written, length, noise) => {
        const bytes = encodeValue(written, Buffer.alloc(0))
        expect(decodeValue(bytes.subarray(0, length % bytes.length))).toBeUndefined()
        expect(() => decodeValue(Buffer.from(noise))).not.toThrow()
      }),
    )
  })
})
