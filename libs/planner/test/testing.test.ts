import { describe, expect, it } from 'vitest'
import { plan, UndeclaredInCatalogError } from '@freshet/planner/testing'
import { membersCatalog } from './members.js'

describe('a rule in a unit test, without any server', () => {
  it('a completed payment fences its member and the reports', () => {
    const { fences } = plan(membersCatalog, {
      table: 'public.payments',
      insert: { id: 1, memberId: 42, status: 'completed' },
    })
    expect(fences).toEqual(['member:42:balance', 'member:42:transactions:*', 'reports:revenue:*'])
  })

  it('a member who moves fences both organisations, and is refilled where the fence names the key', () => {
    const { fences, refreshes, because } = plan(membersCatalog, {
      table: 'public.members',
      update: { old: { id: '42', organizationId: 7 }, new: { id: '42', organizationId: 8 } },
    })
    expect(fences).toEqual(['member:42:*', 'members:list:*', 'organization:7:members:*', 'organization:8:members:*'])
    expect(refreshes).toEqual([
      { owner: 'members-api', template: 'profile', key: 'member:42:profile', parameters: { id: '42' } },
      { owner: 'members-api', template: 'balance', key: 'member:42:balance', parameters: { id: '42' } },
    ])
    expect(because.get('member:42:*')).toEqual([{ owner: 'members-api', version: '1', rule: 0 }])
  })

  it('several changes make one plan', () => {
    const payment = { id: 1, memberId: 42, status: 'completed' }
    const { fences } = plan(
      membersCatalog,
      { table: 'public.payments', insert: payment },
      { table: 'public.payments', delete: { ...payment, memberId: 43 } },
    )
    expect(fences.filter((tag) => tag.endsWith('balance'))).toEqual(['member:42:balance', 'member:43:balance'])
    expect(new Set(fences).size).toBe(fences.length)
  })

  it('what the catalog lacks is an error that lists what it has', () => {
    expect(() => plan(membersCatalog, { table: 'public.orders', truncate: true })).toThrow(UndeclaredInCatalogError)
    expect(() => plan(membersCatalog, { table: 'public.members', delete: { ID: 1 } })).toThrow(/id, organizationId/)
    expect(() => plan(membersCatalog, { event: 'a.b', parameters: {} })).toThrow(/it declares: none/)
  })
})
