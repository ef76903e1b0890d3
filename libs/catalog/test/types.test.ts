import { expect, expectTypeOf, it } from 'vitest'
import {
  derived,
  event,
  key,
  table,
  template,
  wildcard,
  type BoundWildcard,
  type Target,
  type TypedKey,
} from '@freshet/catalog'
import { keys, members, payments, type Balance } from './section5.js'

// Each line below must be refused by the compiler; the file does not compile if one is accepted. Nothing here runs.
export function refused(): void {
  // @ts-expect-error a parameter is missing
  keys.balance.of({})
  // @ts-expect-error misspelt
  keys.balance.of({ ID: 1 })
  // @ts-expect-error of another template
  keys.balance.of({ id: 1, organizationId: 2 })
  // @ts-expect-error the query is missing
  keys.transactions.of({ id: 1 })
  // @ts-expect-error null is no parameter
  keys.balance.of({ id: null })
  // @ts-expect-error a query is no scalar
  keys.transactions.of({ id: 1, query: 'page=1' })

  members.any.fences((m) => [
    // @ts-expect-error no column binds a query
    keys.transactions.of({ id: m.id }),
  ])
  members.any.fences((m) => {
    // @ts-expect-error an undeclared column
    void m.memberId
    return []
  })
  // @ts-expect-error a rule binds columns, not values
  members.any.fences(() => [keys.balance.of({ id: 42 })])
  // @ts-expect-error a wildcard's parameter is missing
  members.any.fences(() => [wildcard('member:{id}:*')])
  // @ts-expect-error and misspelt
  members.any.fences((m) => [wildcard('member:{id}:*', { memberId: m.id })])
  // @ts-expect-error a wildcard ends in :*
  wildcard('members:list')
  members.any.fences((m) => {
    payments.any.fences((p) => [
      keys.balance.of({ id: p.memberId }),
      // @ts-expect-error a column of another table
      keys.profile.of({ id: m.id }),
    ])
    return []
  })
  // @ts-expect-error an undeclared column
  payments.updated.changed('amount')
  // @ts-expect-error at least one
  payments.updated.changed()
  // @ts-expect-error an undeclared column
  payments.any.where({ state: 'completed' })
  // @ts-expect-error an undeclared event
  payments.event('payment.refunded')
  // @ts-expect-error a table without events
  members.event('member.joined')
  // @ts-expect-error an undeclared column in a legacy key
  members.any.fences(() => [], { evict: 'legacy:{memberId}' })
  // @ts-expect-error no parameter of the derived template
  derived(keys.balance, { from: keys.transactions, with: { memberId: 'id' } })
  // @ts-expect-error no parameter of the other
  derived(keys.balance, { from: keys.transactions, with: { id: 'memberId' } })
  // @ts-expect-error no change tells a query
  derived(keys.transactions, { from: keys.transactions, with: { query: 'query' } })
  // @ts-expect-error not schema-qualified
  table('members', { entity: 'member', key: [], columns: {} })
  // @ts-expect-error a key that is no column
  table('public.a', { entity: 'a', key: ['id'], columns: { name: 'name' } })
  table('public.a', {
    entity: 'a',
    key: [],
    columns: { status: 'status' },
    // @ts-expect-error an event over an undeclared column
    events: { 'a.done': { column: 'state', becomes: 'done' } },
  })
  table('public.a', {
    entity: 'a',
    key: [],
    columns: { status: 'status' },
    // @ts-expect-error an event of another entity
    events: { 'b.done': { column: 'status', becomes: 'done' } },
  })
  event('invoice.voided', { memberId: 'int8' }).fences((e) => {
    // @ts-expect-error an undeclared parameter
    void e.id
    return []
  })
  // @ts-expect-error a type that keys cannot hold
  event('invoice.voided', { amount: 'numeric' })
  // @ts-expect-error an unknown option
  key('a:{id}', { ttl: '1h', staleWhileRevalidation: '5s' })
}

it('what is accepted has the types that it should', () => {
  expectTypeOf(keys.balance.of({ id: 42 })).toExtend<TypedKey<Balance>>()
  expectTypeOf(wildcard('member:{id}:*', { id: 42 })).toEqualTypeOf<BoundWildcard>()
  expectTypeOf(wildcard('members:list:*')).toExtend<BoundWildcard & Target<never>>()
  expectTypeOf(template(keys.balance)).toEqualTypeOf<Target<never>>()
  expect(wildcard('member:{id}:*', { id: 42 })).toMatchObject({ wildcard: 'member:{id}:*', parameters: { id: 42 } })
})
