import { bindKey, bindWildcard, keyTag, parseTemplate, parseWildcard, templateTag } from '@freshet/cache-keys'
import { catalog, key, table, wildcard } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { HotIndex } from '../../src/scheduling/hot-index.js'

const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })
const version = (number: string, window?: string) => {
  const keys = {
    balance: key('member:{id}:balance', { ttl: '1h' }),
    page: key('member:{id}:pages:{query}', { ttl: '1h', ...(window && { staleWhileRevalidate: window }) }),
  }
  return catalog('one', {
    version: number,
    keys,
    rules: [
      members.any.fences((m) => [keys.balance.of({ id: m.id })]),
      members.any.fences((m) => [wildcard('member:{id}:*', { id: m.id })]),
    ],
  })
}

const hot = (template: string, text: string) => ({ owner: 'one', template, key: text })
const wildcardOf = (id: string) => bindWildcard(parseWildcard('member:{id}:*'), { id })

it('a tag covers the hot keys that it governs, and no others', () => {
  const index = new HotIndex(
    [hot('page', 'member:1:pages:n=1'), hot('balance', 'member:1:balance'), hot('balance', 'member:2:balance')],
    [version('1')],
  )
  expect(index.coveredBy(wildcardOf('1')).map(({ key: text }) => text)).toEqual([
    'member:1:pages:n=1',
    'member:1:balance',
  ])
  expect(index.coveredBy(wildcardOf('1'))[0]).toMatchObject({ parameters: { id: '1', query: { n: '1' } }, rank: 0 })
  const exact = keyTag(bindKey(parseTemplate('member:{id}:balance'), { id: 2 }))
  expect(index.coveredBy(exact).map(({ key: text }) => text)).toEqual(['member:2:balance'])
  expect(index.coveredBy(wildcardOf('3'))).toEqual([])
  expect(index.coveredBy(templateTag(parseTemplate('member:{id}:balance')))).toEqual([])
})

it('versions with other windows count with each of theirs', () => {
  const index = new HotIndex(
    [hot('page', 'member:1:pages:n=1')],
    [version('1', '5s'), version('2', '9s'), version('3', '9s')],
  )
  expect(index.coveredBy(wildcardOf('1')).map(({ template }) => template.staleWhileRevalidateMs)).toEqual([
    5_000, 9_000,
  ])
})

it('what no catalog declares, and what only the digest of a query is left of, is passed over', () => {
  const index = new HotIndex(
    [
      hot('gone', 'member:1:gone'),
      { ...hot('balance', 'member:1:balance'), owner: 'two' },
      hot('page', 'member:1:pages:~abc'),
    ],
    [version('1')],
  )
  expect(index.coveredBy(wildcardOf('1'))).toEqual([])
})
