import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalQuery,
  parseKey,
  parseTemplate,
  UnencodableParameterError,
  type Query,
  type QueryValue,
  type Scalar,
} from '@freshet/cache-keys'

const nastyText = fc.string({
  unit: fc.constantFrom('a', '1', '=', '&', ',', '+', '~', '%', ':', '*', '2C'),
  maxLength: 4,
})
const scalar = fc.oneof(nastyText, fc.integer({ min: -2, max: 2 }), fc.boolean())
const value: fc.Arbitrary<QueryValue> = fc.oneof(
  scalar,
  fc.constant(null),
  fc.constant(undefined),
  fc.array(fc.oneof(scalar, fc.constant(null)), { maxLength: 3 }),
)
const query: fc.Arbitrary<Query> = fc.dictionary(nastyText, value, { maxKeys: 3 })

type Meaning = Record<string, string | null | (string | null)[]>

/** What a query means: scalars by their text, undefined left out. */
const meaningOf = (of: Query): Meaning => {
  const textOf = (held: Scalar | null) => (held === null ? null : String(held))
  const meaning: Meaning = {}
  for (const [name, held] of Object.entries(of))
    if (held !== undefined) meaning[name] = typeof held === 'object' && held ? held.map(textOf) : textOf(held)
  return meaning
}

describe('a query has one text', () => {
  it('which can be read back, so that different queries never share one', () => {
    fc.assert(
      fc.property(query, (of) => {
        const { query: readBack } = parseKey(parseTemplate('list:{query}'), `list:${canonicalQuery(of)}`) ?? {}
        expect(readBack).toEqual(meaningOf(of))
      }),
      { numRuns: 2_000 },
    )
  })

  it('whatever the order of its names', () => {
    fc.assert(
      fc.property(query, (of) => {
        const reversed = Object.fromEntries(Object.entries(of).reverse())
        expect(canonicalQuery(reversed)).toBe(canonicalQuery(of))
      }),
    )
  })

  it('null, nothing, the empty text and the empty arrays are five different things', () => {
    const texts = [{}, { a: null }, { a: '' }, { a: [] }, { a: [''] }, { a: [null] }, { '': null }, { '': '' }]
    expect(texts.map(canonicalQuery)).toEqual(['', 'a', 'a=', 'a=+', 'a=+,', 'a=++,', '%', '%='])
  })

  it('keeps the texts it once gave', () => {
    expect(canonicalQuery({ status: 'active', page: 2, tag: ['a', ''], '~x': '~y', q: 'a&b=c' })).toBe(
      'page=2&q=a%26b%3Dc&status=active&tag=+a,,&%7Ex=%7Ey',
    )
  })

  it('over 200 characters it is its digest, which no shorter text can pose as', () => {
    expect(canonicalQuery({ q: 'x'.repeat(198) })).toHaveLength(200)
    expect(canonicalQuery({ q: 'x'.repeat(199) })).toBe(
      '~8322d75b38832d1619c1b745abc8f3e2146a0b8ec817f7a1a85f1dfeaca15908',
    )
    fc.assert(fc.property(query, (of) => !canonicalQuery(of).startsWith('~')))
  })

  it('refuses what has no text, naming it', () => {
    expect(() => canonicalQuery({ ratio: Number.NaN })).toThrow(UnencodableParameterError)
    const nested = JSON.parse('{"filter":{"a":1}}') as Query
    expect(() => canonicalQuery(nested)).toThrow(/"query.filter" is object/)
  })
})
