import { bindKey, bindWildcard, keyTag, parseTemplate, parseWildcard, templateTag } from '@freshet/cache-keys'
import { expect, it } from 'vitest'
import { tagsOfTexts } from '../src/invalidate/tag-text.js'

const catalog = {
  format: 1,
  owner: 'accounts',
  version: '1',
  tables: { 'public.accounts': { entity: 'account', key: ['id'], columns: { id: 'aid' } } },
  templates: {
    account: { template: 'account:{id}', ttl: '1h' },
    entry: { template: 'account:{id}:entries:{query}', ttl: '1h' },
  },
  rules: [
    {
      on: { table: 'public.accounts' },
      fences: [
        { key: 'account', with: { id: 'id' } },
        { wildcard: 'account:{id}:entries:*', with: { id: 'id' } },
      ],
    },
  ],
}
const registered = [{ catalog, status: undefined }]

it('a key, a wildcard and a template are found by their texts, each in its shard', () => {
  const account = parseTemplate('account:{id}')
  expect(tagsOfTexts(['account:7', 'account:7:entries:*', 'account:{id}'], registered)).toEqual([
    keyTag(bindKey(account, { id: 7 })),
    bindWildcard(parseWildcard('account:{id}:entries:*'), { id: 7 }),
    templateTag(account),
  ])
})

it('all texts that govern nothing are named at once, with what there is', () => {
  const wrong = ['acount:7', 'account:*', 'account:7:entries:page=1', 'account:']
  expect(() => tagsOfTexts(['account:7', ...wrong], registered)).toThrow(
    expect.objectContaining({
      code: 'TAG_UNKNOWN',
      tags: wrong,
      known: ['account:{id}', 'account:{id}:entries:*', 'account:{id}:entries:{query}'],
    }),
  )
})

it.for([{ staleWhileRevalidate: '5s' }, { staleIfError: '5s' }])(
  'with a key and a wildcard come the templates that have %j, in their shard: it ends a window that is open',
  (option) => {
    const { account, entry } = catalog.templates
    const withWindow = { ...catalog, templates: { account, entry: { ...entry, ...option } } }
    const wildcard = bindWildcard(parseWildcard('account:{id}:entries:*'), { id: 7 })
    expect(tagsOfTexts(['account:7', 'account:7:entries:*'], [{ catalog: withWindow, status: undefined }])).toEqual([
      keyTag(bindKey(parseTemplate('account:{id}'), { id: 7 })),
      wildcard,
      { ...templateTag(parseTemplate('account:{id}:entries:{query}')), shard: wildcard.shard },
    ])
  },
)

it('with a key goes what a catalog says is computed from it', () => {
  const templates = { ...catalog.templates, statement: { template: 'statement:{of}', ttl: '1h', exact: true } }
  const derivations = [{ template: 'statement', from: 'account', with: { of: 'id' } }]
  const chain = { ...catalog, templates, derivations }
  expect(tagsOfTexts(['account:7'], [{ catalog: chain, status: undefined }]).map(({ text }) => text)).toEqual([
    'account:7',
    'statement:7',
  ])
})
