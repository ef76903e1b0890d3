import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bindKey,
  bindWildcard,
  governingWildcardTag,
  keyTag,
  parseTemplate,
  parseWildcard,
  shardOf,
  SHARDS,
  templateTag,
  UnencodableParameterError,
  wildcardGoverns,
  type Scalar,
} from '@freshet/cache-keys'

const templates = [
  'member:{id}:balance',
  'member:{id}:note:{name}',
  'member:{id}:transactions:{query}',
  'members:list:{query}',
  'members:list:all',
  'member:list:{query}',
  '{id}:member:{name}',
].map(parseTemplate)
const wildcards = [
  'member:{id}:*',
  'member:{x}:note:*',
  'members:list:*',
  'member:list:*',
  '{id}:*',
  '{a}:member:*',
].map(parseWildcard)
const text = fc.string({ unit: fc.constantFrom('a', 'list', 'note', ':', '*', '%', '{id}'), maxLength: 3 })
const values = fc.record({
  id: fc.oneof(text, fc.nat(3)),
  name: text,
  query: fc.dictionary(text, text, { maxKeys: 2 }),
})

describe('a wildcard', () => {
  it('covers exactly the keys of its templates whose text begins with its bound segments, all in its own shard', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...templates),
        fc.constantFrom(...wildcards),
        values,
        fc.oneof(text, fc.nat(3)),
        (template, wildcard, bound, other) => {
          const key = bindKey(template, bound)
          if (!wildcardGoverns(wildcard, template)) return
          // The wildcard bound either to the key's own values or to others.
          for (const first of [bound.id, other]) {
            const parameters = Object.fromEntries(wildcard.parameters.map((name): [string, Scalar] => [name, first]))
            const tag = bindWildcard(wildcard, parameters)
            const covers = governingWildcardTag(wildcard, key).text === tag.text
            expect(covers).toBe(key.text.startsWith(tag.text.slice(0, -1)))
            if (covers) expect(tag.shard).toBe(key.shard)
          }
          expect(governingWildcardTag(wildcard, key).shard).toBe(key.shard)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('tags', () => {
  it('of a template, a wildcard and a key never share a text', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...templates),
        fc.constantFrom(...templates),
        fc.constantFrom(...wildcards),
        values,
        (keyed, whole, wildcard, bound) => {
          const parameters = Object.fromEntries(wildcard.parameters.map((name): [string, Scalar] => [name, bound.id]))
          const tags = [keyTag(bindKey(keyed, bound)), bindWildcard(wildcard, parameters), templateTag(whole)]
          expect(new Set(tags.map((tag) => tag.text)).size).toBe(3)
        },
      ),
    )
  })

  it('have the texts of the design', () => {
    const balance = parseTemplate('member:{id}:balance')
    expect(keyTag(bindKey(balance, { id: 42n }))).toEqual({ text: 'member:42:balance', shard: shardOf('member:42') })
    expect(bindWildcard(parseWildcard('member:{id}:transactions:*'), { id: '42' })).toEqual({
      text: 'member:42:transactions:*',
      shard: shardOf('member:42'),
    })
    expect(templateTag(balance)).toEqual({ text: '*member:{id}:balance', shard: 'all' })
  })
})

describe('a key', () => {
  it('of the same parameters in another spelling is the same, once the kinds are known', () => {
    const template = parseTemplate('member:{id}:list:{query}')
    const spelled = bindKey(template, { id: '042', query: { b: 1, a: 2 } }, { id: 'integer' })
    expect(spelled.text).toBe(bindKey(template, { id: 42, query: { a: '2', b: '1' } }).text)
    expect(spelled.text).toBe('member:42:list:a=2&b=1')
    expect(spelled.routing).toBe('member:42')
  })

  it('of a literal and of an empty parameter has its text', () => {
    expect(bindKey(parseTemplate('reports:total'), {}).text).toBe('reports:total')
    expect(bindKey(parseTemplate('note:{name}'), { name: '' }).text).toBe('note:')
    expect(bindKey(parseTemplate('list:{query}'), { query: {} }).text).toBe('list:')
  })

  it('cannot be made without all parameters, or with a value of the wrong sort', () => {
    const template = parseTemplate('member:{id}:list:{query}')
    expect(() => bindKey(template, { id: 1 })).toThrow(/"query" is missing/)
    expect(() => bindKey(template, { id: 1, query: 'a=1' })).toThrow(UnencodableParameterError)
    expect(() => bindKey(template, { id: { a: 1 }, query: {} })).toThrow(/"id" is an object/)
  })
})

describe('shards', () => {
  it('never move: keys in every Redis rest on them', () => {
    expect(['member:42', 'members:list', '', 'organization:7', 'Zoë:😀', 'reports:revenue'].map(shardOf)).toEqual([
      895, 821, 11, 816, 434, 639,
    ])
  })

  it('spread consecutive ids evenly', () => {
    const counts = new Array<number>(SHARDS).fill(0)
    for (let id = 0; id < SHARDS * 100; id++) {
      const shard = shardOf(`member:${id}`)
      counts[shard] = (counts[shard] ?? 0) + 1
    }
    // Poisson with mean 100: six standard deviations on either side.
    expect(Math.min(...counts)).toBeGreaterThan(40)
    expect(Math.max(...counts)).toBeLessThan(165)
  })
})
