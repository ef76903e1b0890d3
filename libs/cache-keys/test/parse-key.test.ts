import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bindKey, parseKey, parseTemplate } from '@freshet/cache-keys'

const template = parseTemplate('shop:{id}:orders:{state}:{query}')
const nasty = fc.string({ unit: fc.constantFrom('a', ':', '*', '%', '\n', '\u{2028}', '\u{d800}', '~', 'é', '&') })
const keyOf = (parameters: Parameters<typeof bindKey>[1]) => bindKey(template, parameters).text

it('a key can be read back into parameters that make the same key', () => {
  fc.assert(
    fc.property(nasty, nasty, fc.dictionary(nasty, nasty, { maxKeys: 3 }), (id, state, query) => {
      const text = keyOf({ id, state, query })
      const parameters = parseKey(template, text)
      if (text.split(':').at(-1)?.startsWith('~')) return // a long query, of which only its digest is left
      expect(parameters).toEqual({ id, state, query })
      expect(keyOf(parameters ?? {})).toBe(text)
    }),
  )
})

it.each(['shop:1:orders:open', 'shop:1:carts:open:', 'shop:1:orders:open:a=1:b', ''])(
  '%j is no key of the template',
  (text) => {
    expect(parseKey(template, text)).toBeUndefined()
  },
)

it('of a long query only the digest is left', () => {
  const text = keyOf({ id: 1, state: 'open', query: { search: 'x'.repeat(300) } })
  expect(parseKey(template, text)).toBeUndefined()
})
