import { bindKey, bindWildcard, keyTag, parseTemplate, parseWildcard, templateTag, type Tag } from '@freshet/cache-keys'
import { TagUnknownError, tagFilter } from '@freshet/explain'
import { describe, expect, it } from 'vitest'
import { shop } from './shop.js'

const balance = parseTemplate('customer:{id}:balance')
const tags: Readonly<Record<string, Tag>> = {
  'balance of 42': keyTag(bindKey(balance, { id: 42 })),
  'balance of 7': keyTag(bindKey(balance, { id: 7 })),
  'all of 42': bindWildcard(parseWildcard('customer:{id}:*'), { id: 42 }),
  'all of 7': bindWildcard(parseWildcard('customer:{id}:*'), { id: 7 }),
  'sales of 42': bindWildcard(parseWildcard('customer:{id}:sales:*'), { id: 42 }),
  'every balance': templateTag(balance),
  'every statement': templateTag(parseTemplate('statement:{of}')),
}
const shown = (text: string): string[] => {
  const isWatched = tagFilter([shop], text)
  return Object.keys(tags).filter((name) => tags[name] !== undefined && isWatched(tags[name]))
}

describe('watching', () => {
  it('a key shows what governs it: its own tag, its wildcards, its template', () => {
    expect(shown('customer:42:balance')).toEqual(['balance of 42', 'all of 42', 'every balance'])
  })

  it('a wildcard shows what governs any of its keys', () => {
    expect(shown('customer:42:*')).toEqual(['balance of 42', 'all of 42', 'sales of 42', 'every balance'])
    expect(shown('customer:42:sales:*')).toEqual(['all of 42', 'sales of 42'])
  })

  it('a template shows what governs any of its keys', () => {
    const every = ['balance of 42', 'balance of 7', 'all of 42', 'all of 7', 'every balance']
    expect(shown('customer:{id}:balance')).toEqual(every)
  })

  it("a key shows a template's tag that was fenced by hand in its own shard, and in no other", () => {
    const isWatched = tagFilter([shop], 'customer:42:balance')
    const { text } = templateTag(balance)
    const { shard } = bindKey(balance, { id: 42 })
    expect(isWatched({ text, shard })).toBe(true)
    expect(isWatched({ text, shard: (shard + 1) % 1_024 })).toBe(false)
  })

  it.each(['custmer:42:balance', 'customer:*', 'customer:{name}:balance', ''])(
    '%j is refused: nothing is governed by it',
    (text) => {
      expect(() => tagFilter([shop], text)).toThrow(TagUnknownError)
    },
  )
})
