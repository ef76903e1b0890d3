import { catalog, catalogFromJson, derived, key, table, wildcard, type Catalog } from '@freshet/catalog'
import type { Balance, Member, Page, Profile, Report, Revenue, Statement, Summary, Transaction } from './model.js'
import { withoutTemplate } from './without-template.js'

/**
 * Every template of the reference domain. The last three are a chain that no rule names: a summary is computed from a
 * member's transactions, a statement from the summaries of an organisation, and a report is made of the cached statement.
 * A missing member is a value too (`null`): his row's insert fences it.
 */
export const keys = {
  profile: key('member:{id}:profile', { ttl: '1h', staleWhileRevalidate: '5s', warm: true }).returns<Profile | null>(),
  balance: key('member:{id}:balance', { ttl: '1h' }).returns<Balance | null>(), // strict: never stale
  transactions: key('member:{id}:transactions:{query}', { ttl: '10m' }).returns<Page<Transaction>>(),
  list: key('members:list:{query}', { ttl: '5m', staleWhileRevalidate: '10s' }).returns<Page<Member>>(),
  ofOrg: key('organization:{organizationId}:members:{query}', { ttl: '5m' }).returns<Page<Member>>(),
  revenue: key('reports:revenue:{query}', { ttl: '15m', staleWhileRevalidate: '60s' }).returns<Revenue>(),
  summary: key('summary:{memberId}', { ttl: '1h' }).returns<Summary>(),
  statement: key('statements:{query}', { ttl: '1h' }).returns<Statement>(),
  report: key('reports:organization:{organizationId}', { ttl: '1h' }).returns<Report>(),
}

/** The name of a template of the reference domain. */
export type TemplateName = keyof typeof keys

const members = table('public.members', {
  entity: 'member',
  key: ['id'],
  columns: { id: 'id', organizationId: 'organization_id' },
})

const payments = table('public.payments', {
  entity: 'payment',
  key: ['id'],
  columns: { id: 'id', memberId: 'member_id', amount: 'amount', currency: 'currency', status: 'status' },
  events: {
    'payment.completed': { column: 'status', becomes: 'completed' },
    'payment.refunded': { column: 'status', becomes: 'refunded' },
  },
})

/** The catalog of members-api: which change of which table makes which value wrong. */
export const membersCatalog = catalog('members-api', {
  version: '1',
  keys,
  rules: [
    members.any.fences(
      (member) => [
        wildcard('member:{id}:*', { id: member.id }),
        wildcard('members:list:*'),
        wildcard('organization:{organizationId}:members:*', { organizationId: member.organizationId }),
      ],
      { name: 'member' },
    ),
    // a balance is the sum of completed amounts: how they were paid, and payments that are not completed, leave it as it is
    payments.any
      .changed('amount', 'currency')
      .where({ status: 'completed' })
      .fences((payment) => [keys.balance.of({ id: payment.memberId })], { name: 'balance' }),
    payments.any.where({ status: 'completed' }).fences(() => [wildcard('reports:revenue:*')], { name: 'revenue' }),
    payments.any.fences((payment) => [wildcard('member:{id}:transactions:*', { id: payment.memberId })], {
      name: 'transactions',
    }),
  ],
  derivations: [
    derived(keys.summary, { from: keys.transactions, with: { memberId: 'id' } }),
    derived(keys.statement, { from: keys.summary }), // no summary tells whose: all statements
  ],
})

/**
 * {@link membersCatalog} with one template that no change fences any more, for the demo's `--break-rule`.
 * Throws UnknownTemplateError when there is no such template.
 */
export function membersCatalogWithout(template: string): Catalog {
  return catalogFromJson(withoutTemplate(membersCatalog.json, template))
}
