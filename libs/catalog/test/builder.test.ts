import { describe, expect, it } from 'vitest'
import {
  catalog,
  catalogFromJson,
  CatalogInvalidError,
  event,
  governingTags,
  key,
  KeyWithoutCatalogError,
  table,
  template,
  templateOf,
  validateCatalog,
  wildcard,
} from '@freshet/catalog'
import { bindKey } from '@freshet/cache-keys'
import { keys, members, membersCatalog, payments } from './section5.js'

describe("the design's example", () => {
  it('is plain JSON that passes validation without a doubt, byte for byte the same', () => {
    const text = JSON.stringify(membersCatalog.json)
    const result = validateCatalog(JSON.parse(text))
    expect(result).toMatchObject({ warnings: [] })
    expect(JSON.stringify(result.catalog?.json)).toBe(text)
    expect(result.catalog?.fingerprint).toBe(membersCatalog.fingerprint)
    expect(membersCatalog.json.rules[1]).toEqual({
      on: { table: 'public.payments' },
      fences: [
        { key: 'balance', with: { id: 'memberId' } },
        { wildcard: 'member:{id}:transactions:*', with: { id: 'memberId' } },
        { wildcard: 'reports:revenue:*', with: {} },
      ],
    })
  })

  it('governs a value by its key only where a rule can target it, then by wildcards, then by its template', () => {
    const tagsOf = (name: string, parameters: Parameters<typeof bindKey>[1]) => {
      const compiled = membersCatalog.templates.get(name)
      if (!compiled) throw new Error(`no template ${name}`)
      return governingTags(compiled, bindKey(compiled.template, parameters)).map((tag) => tag.text)
    }
    expect(tagsOf('balance', { id: 42 })).toEqual(['member:42:balance', 'member:42:*', '*member:{id}:balance'])
    expect(tagsOf('profile', { id: 42 })).toEqual(['member:42:*', '*member:{id}:profile'])
    expect(tagsOf('transactions', { id: 42, query: { page: 2 } })).toEqual([
      'member:42:*',
      'member:42:transactions:*',
      '*member:{id}:transactions:{query}',
    ])
  })

  it('has the fingerprints that it once had: values in Redis are found by them', () => {
    const fingerprints = [...membersCatalog.templates.values()].map(({ name, fingerprint }) => [name, fingerprint])
    expect(Object.fromEntries(fingerprints)).toEqual({
      profile: '8cd62b720258',
      balance: 'dce2428d8ff1',
      transactions: '54cf8e9a1cc2',
      list: '7cedeb0f0071',
      ofOrg: '51d28a3c2806',
      revenue: 'acfb0d9bbdfb',
    })
  })
})

describe('identical content', () => {
  it('has one fingerprint, however it is ordered and whatever schema it names', () => {
    const reordered = Object.fromEntries(Object.entries({ ...membersCatalog.json, $schema: 'x' }).reverse())
    expect(catalogFromJson(reordered).fingerprint).toBe(membersCatalog.fingerprint)
    expect(catalogFromJson({ ...membersCatalog.json, version: '2' }).fingerprint).not.toBe(membersCatalog.fingerprint)
  })

  it('makes the same template fingerprints, whatever a rule calls its parameters', () => {
    const renamed = catalog('members-api', {
      version: '2',
      keys: { profile: key('member:{id}:profile', { ttl: '1h', wildcards: ['member:{anyone}:*'] }) },
      rules: [],
    })
    expect(renamed.templates.get('profile')?.fingerprint).toBe(membersCatalog.templates.get('profile')?.fingerprint)
  })
})

describe('rules', () => {
  it('carry operations, columns, conditions, names, evictions and widening', () => {
    const built = catalog('o', {
      version: '1',
      keys,
      tables: [members],
      rules: [
        payments.updated
          .changed('status', 'memberId')
          .where({ status: 'completed' })
          .fences((p) => [keys.balance.of({ id: p.memberId }), template(keys.revenue)], {
            name: 'completed',
            evict: ['legacy:member:{memberId}', 'legacy:{id}/{memberId}'],
            whenOldUnknown: 'all',
          }),
        payments.event('payment.completed').fences((p) => [keys.balance.of({ id: p.memberId })]),
        event('invoice.voided', { memberId: 'int8' }).fences((e) => [keys.balance.of({ id: e.memberId })], {
          evict: 'invoice:{memberId}',
        }),
      ],
    })
    expect(built.json.rules).toEqual([
      {
        name: 'completed',
        on: {
          table: 'public.payments',
          operations: ['update'],
          changed: ['status', 'memberId'],
          where: { status: 'completed' },
        },
        fences: [{ key: 'balance', with: { id: 'memberId' } }, { template: 'revenue' }],
        evict: [
          { key: 'legacy:member:{memberId}', with: { memberId: 'memberId' } },
          { key: 'legacy:{id}/{memberId}', with: { id: 'id', memberId: 'memberId' } },
        ],
        whenOldUnknown: 'all',
      },
      { on: { event: 'payment.completed' }, fences: [{ key: 'balance', with: { id: 'memberId' } }] },
      {
        on: { event: 'invoice.voided' },
        fences: [{ key: 'balance', with: { id: 'memberId' } }],
        evict: [{ key: 'invoice:{memberId}', with: { memberId: 'memberId' } }],
      },
    ])
    expect(Object.keys(built.json.tables)).toEqual(['public.members', 'public.payments'])
    expect(built.json.events).toEqual({ 'invoice.voided': { parameters: { memberId: 'int8' } } })
  })

  it('can fence a key without parameters', () => {
    const total = key('reports:total', { ttl: '1m' }).returns<number>()
    const built = catalog('o', { version: '1', keys: { total }, rules: [members.any.fences(() => [total.of({})])] })
    expect(built.json.rules[0]?.fences).toEqual([{ key: 'total', with: {} }])
    expect(total.of({}).template).toBe('total')
  })
})

describe('a typed key', () => {
  it('knows its template in the catalog', () => {
    const typed = keys.balance.of({ id: 42n })
    expect([typed.template, typed.parameters]).toEqual(['balance', { id: 42n }])
    expect(templateOf(membersCatalog, typed).ttlMs).toBe(3_600_000)
  })

  it('that no catalog declares says so', () => {
    const loose = key('loose:{id}', { ttl: '1m' })
    expect(() => loose.of({ id: 1 }).template).toThrow(KeyWithoutCatalogError)
    const other = key('other:{id}', { ttl: '1m' })
    catalog('other', { version: '1', keys: { balance: other }, rules: [] })
    expect(() => templateOf(membersCatalog, other.of({ id: 1 }))).toThrow(/"members-api"/)
  })

  it('has one name, and one table one declaration; both are told together with all else', () => {
    const again = table('public.members', { entity: 'person', key: [], columns: { id: 'id' } })
    const build = () =>
      catalog('o', {
        version: '1',
        keys: { account: keys.balance, broken: key('a::b', { ttl: '1h' }) },
        tables: [members, again],
        rules: [members.any.fences((m) => [keys.profile.of({ id: m.id }), wildcard('member:{id}:*', { id: m.id })])],
      })
    const faults = (() => {
      try {
        return build().owner
      } catch (error) {
        return error instanceof CatalogInvalidError ? error.faults.map(({ code, path }) => `${code} ${path}`) : error
      }
    })()
    expect(faults).toEqual([
      'declared-twice tables["public.members"]',
      'declared-twice templates.account',
      'template-syntax templates.broken.template',
      'template-undeclared rules[0].fences[0].key',
    ])
  })
})
