import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalParameter, UnencodableParameterError, type ParameterKind, type Scalar } from '@freshet/cache-keys'

describe('a parameter has one text', () => {
  it('the same from a number, a bigint and a decoded row', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (integer) => {
        const texts = [integer, String(integer), BigInt(integer)].flatMap((value) => [
          canonicalParameter(value),
          canonicalParameter(value, 'integer'),
        ])
        expect(new Set(texts).size).toBe(1)
      }),
    )
  })

  it('the same from every spelling that its kind allows', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(5), (integer, zeros) => {
        const sign = integer < 0 ? '-' : '+'
        const spelling = `${sign}${'0'.repeat(zeros)}${Math.abs(integer)}`
        expect(canonicalParameter(spelling, 'integer')).toBe(String(integer))
      }),
    )
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        for (const spelling of [uuid.toUpperCase(), `{${uuid}}`, uuid.replaceAll('-', '')])
          expect(canonicalParameter(spelling, 'uuid')).toBe(uuid)
      }),
    )
    const booleans: [Scalar, string][] = [
      ['t', 'true'],
      ['TRUE', 'true'],
      [true, 'true'],
      ['f', 'false'],
      [false, 'false'],
    ]
    for (const [spelling, text] of booleans) expect(canonicalParameter(spelling, 'boolean')).toBe(text)
    expect(canonicalParameter('2024-02-29', 'date')).toBe('2024-02-29')
    expect(canonicalParameter('-0', 'integer')).toBe('0')
    expect(canonicalParameter('007', 'text')).toBe('007')
  })

  it.each<[Scalar, ParameterKind | undefined]>([
    ['4.2', 'integer'],
    ['0x2A', 'integer'],
    [' 42', 'integer'],
    [true, 'integer'],
    ['', 'integer'],
    ['not-a-uuid', 'uuid'],
    ['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'uuid'],
    ['maybe', 'boolean'],
    ['2023-02-29', 'date'],
    ['2023-2-9', 'date'],
    ['2023-02-28T00:00', 'date'],
    [4.2, undefined],
    [2 ** 53, undefined],
    [Number.NaN, 'text'],
  ])('%s as %s has none, and the error names the parameter', (value, kind) => {
    expect(() => canonicalParameter(value, kind, 'memberId')).toThrow(UnencodableParameterError)
    expect(() => canonicalParameter(value, kind, 'memberId')).toThrow(/"memberId"/)
  })

  it('escapes so that different texts stay different, and no text can pose as structure', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(':', '*', '%', '\n', 'a', '3A', '\u0085', '\ud800', 'uD800', 'é', '😀'),
    })
    const unescape = (text: string) =>
      text.replace(/%(?:u([0-9A-F]{4})|([0-9A-F]{2}))/g, (_, long: string | undefined, short: string | undefined) =>
        String.fromCharCode(parseInt(long ?? short ?? '', 16)),
      )
    fc.assert(
      fc.property(nasty, (text) => {
        const escaped = canonicalParameter(text)
        expect(unescape(escaped)).toBe(text)
        expect(escaped).not.toMatch(/[:*\n]/)
        expect(Buffer.from(escaped).toString()).toBe(escaped)
      }),
    )
  })

  it('keeps the texts it once gave', () => {
    expect(['a:b', '50%', '*', '\u0000', 'Zoë 😀', '\ud83d'].map((text) => canonicalParameter(text))).toEqual([
      'a%3Ab',
      '50%25',
      '%2A',
      '%00',
      'Zoë 😀',
      '%uD83D',
    ])
  })
})
