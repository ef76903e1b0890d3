import { bindKey, bindWildcard, keyTag, parseTemplate, parseWildcard, templateTag } from '@freshet/cache-keys'
import { catalog, derived, key, table, wildcard } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { createPlanner, derivedTags } from '@freshet/planner'

const keys = {
  balance: key('member:{id}:balance', { ttl: '1h' }),
  pages: key('member:{id}:pages:{query}', { ttl: '1h' }),
  summary: key('summary:{memberId}', { ttl: '1h' }),
  yearly: key('summary:{memberId}:of:{year}', { ttl: '1h' }),
  statement: key('organization:{organizationId}:statement', { ttl: '1h' }),
}
const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })
const chain = catalog('chain', {
  version: '1',
  keys,
  rules: [
    members.any.fences((row) => [keys.balance.of({ id: row.id })]),
    members.any.fences((row) => [wildcard('member:{id}:*', { id: row.id })]),
  ],
  derivations: [
    derived(keys.summary, { from: keys.balance, with: { memberId: 'id' } }),
    derived(keys.yearly, { from: keys.summary, with: { memberId: 'memberId' } }),
    derived(keys.statement, { from: keys.summary }),
  ],
})
const tag = {
  balance: keyTag(bindKey(parseTemplate('member:{id}:balance'), { id: 'a:b' })),
  all: bindWildcard(parseWildcard('member:{id}:*'), { id: 'a:b' }),
  template: templateTag(parseTemplate('member:{id}:balance')),
}
const textsOf = (each: (typeof tag)[keyof typeof tag]) =>
  derivedTags(chain, each)
    .map(({ tag: { text } }) => text)
    .sort()

it('with a key or wildcard goes what is computed from it, renamed, widened, and through more than one step', () => {
  const expected = ['*organization:{organizationId}:statement', 'summary:a%3Ab', 'summary:a%3Ab:of:*']
  expect(textsOf(tag.balance)).toEqual(expected)
  expect(textsOf(tag.all)).toEqual(expected)
})

it('with a template goes every value that is computed from one of its', () => {
  expect(textsOf(tag.template)).toEqual([
    '*organization:{organizationId}:statement',
    '*summary:{memberId}',
    '*summary:{memberId}:of:{year}',
  ])
})

it('is what a change that fences the same would fence as well, in the same shards', () => {
  const planned = createPlanner([chain]).planChange({
    table: 'public.members',
    operation: 'insert',
    new: { id: 'a:b' },
  })
  const byChange = planned.fences.map(({ tag: { text, shard } }) => `${shard} ${text}`).sort()
  const byHand = [tag.balance, tag.all, ...derivedTags(chain, tag.balance).map((each) => each.tag)]
  expect(byHand.map(({ text, shard }) => `${shard} ${text}`).sort()).toEqual(byChange)
})

it('nothing goes with what nothing is computed from', () => {
  const page = bindWildcard(parseWildcard('summary:{memberId}:of:*'), { memberId: 7 })
  expect(derivedTags(chain, page)).toEqual([])
  expect(derivedTags(chain, { ...tag.all, shard: (Number(tag.all.shard) + 1) % 1_024 })).toEqual([])
})
