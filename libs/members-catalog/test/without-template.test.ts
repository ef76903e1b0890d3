import { describe, expect, it } from 'vitest'
import {
  keys,
  membersCatalog,
  membersCatalogWithout,
  UnknownTemplateError,
  withoutTemplate,
  type TemplateName,
} from '../src/index.js'

const names = Object.keys(keys) as TemplateName[]
const fencedBy = (rules: (typeof membersCatalog.json)['rules']) =>
  rules.map((rule) =>
    rule.fences.map((target) =>
      'key' in target ? target.key : 'wildcard' in target ? target.wildcard : target.template,
    ),
  )

describe('a catalog without one template', () => {
  it('narrows a wildcard to the other templates that it covered', () => {
    expect(fencedBy(membersCatalogWithout('balance').json.rules)).toEqual([
      ['profile', 'member:{id}:transactions:*', 'members:list:*', 'organization:{organizationId}:members:*'],
      ['reports:revenue:*'],
      ['member:{id}:transactions:*'],
    ])
    expect(fencedBy(membersCatalogWithout('transactions').json.rules)).toEqual([
      ['profile', 'balance', 'members:list:*', 'organization:{organizationId}:members:*'],
      ['balance'],
      ['reports:revenue:*'],
    ])
  })

  it.each(names)('stays a valid catalog without %s, and says in its version what is missing', (name) => {
    const { json } = membersCatalogWithout(name)
    expect(json.version).toBe(`1-without-${name}`)
    expect(json.templates).toEqual(membersCatalog.json.templates)
    expect(json.rules.length).toBeGreaterThan(0)
  })

  it('binds a narrowed wildcard under the names of the other template', () => {
    const json = withoutTemplate(
      {
        format: 1,
        owner: 'shop',
        version: '1',
        tables: { 'public.items': { entity: 'item', key: ['id'], columns: { id: 'id', shop: 'shop_id' } } },
        templates: {
          price: { template: 'item:{id}:price', ttl: '1m' },
          reviews: { template: 'item:{item}:reviews:{query}', ttl: '1m' },
          stock: { template: 'item:{item}:stock:{shop}', ttl: '1m' },
          stockList: { template: 'item:{item}:stock:{shop}:{query}', ttl: '1m' },
        },
        rules: [{ on: { table: 'public.items' }, fences: [{ wildcard: 'item:{id}:*', with: { id: 'id' } }] }],
      },
      'price',
    )
    expect(json.rules[0]?.fences).toEqual([
      { wildcard: 'item:{item}:reviews:*', with: { item: 'id' } },
      { wildcard: 'item:{item}:stock:*', with: { item: 'id' } },
    ])
  })

  it('fences a whole template where no wildcard can tell it from the one left out', () => {
    const json = withoutTemplate(
      {
        format: 1,
        owner: 'shop',
        version: '1',
        tables: { 'public.items': { entity: 'item', key: ['id'], columns: { id: 'id' } } },
        templates: {
          bySize: { template: 'item:{id}:{size}:{query}', ttl: '1m' },
          one: { template: 'item:{id}:{size}:one', ttl: '1m' },
        },
        rules: [{ on: { table: 'public.items' }, fences: [{ wildcard: 'item:{id}:*', with: { id: 'id' } }] }],
      },
      'one',
    )
    expect(json.rules[0]?.fences).toEqual([{ template: 'bySize' }])
  })

  it('refuses a template that the catalog does not have, naming those it has', () => {
    expect(() => membersCatalogWithout('balances')).toThrow(UnknownTemplateError)
    expect(() => membersCatalogWithout('balances')).toThrow("no template 'balances'. It has: profile, balance,")
  })
})
