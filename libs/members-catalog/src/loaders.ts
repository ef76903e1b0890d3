import type { Query, Scalar } from '@freshet/cache-keys'
import { loadMembers, loadMembersOf, loadProfile } from './loaders/members.js'
import { loadBalance, loadRevenue, loadTransactions } from './loaders/payments.js'
import { loadStatement, loadSummary, reportOf } from './loaders/statements.js'
import type { Balance, Member, Page, Profile, Report, Revenue, Statement, Summary, Transaction } from './model.js'
import {
  memberListQuery,
  organizationMembersQuery,
  revenueQuery,
  statementQuery,
  transactionsQuery,
} from './queries.js'
import type { Sql } from './sql.js'

/**
 * A loader for each template of `keys`, under its name. Equal rows give equal values: every list is totally
 * ordered, numerics and ids are text, times are UTC. Each is one statement, so its parts fit together, and reads only
 * what its template's rules cover.
 */
export interface Loaders {
  readonly profile: (parameters: { id: Scalar }) => Promise<Profile | null>
  readonly balance: (parameters: { id: Scalar }) => Promise<Balance | null>
  readonly transactions: (parameters: { id: Scalar; query: Query }) => Promise<Page<Transaction>>
  readonly list: (parameters: { query: Query }) => Promise<Page<Member>>
  readonly ofOrg: (parameters: { organizationId: Scalar; query: Query }) => Promise<Page<Member>>
  readonly revenue: (parameters: { query: Query }) => Promise<Revenue>
  readonly summary: (parameters: { memberId: Scalar }) => Promise<Summary>
  readonly statement: (parameters: { query: Query }) => Promise<Statement>
  readonly report: (parameters: { organizationId: Scalar }) => Promise<Report>
}

/**
 * The loaders over a database. A query that is not of its template's schema makes them throw a ZodError. `statementOf` is
 * where reports get their statement from: loaded, unless given.
 */
export function loaders(sql: Sql, statementOf?: (query: { organizationId: string }) => Promise<Statement>): Loaders {
  const statement: Loaders['statement'] = async ({ query }) => loadStatement(sql, statementQuery.parse(query))
  return {
    profile: async ({ id }) => loadProfile(sql, String(id)),
    balance: async ({ id }) => loadBalance(sql, String(id)),
    transactions: async ({ id, query }) => loadTransactions(sql, String(id), transactionsQuery.parse(query)),
    list: async ({ query }) => loadMembers(sql, memberListQuery.parse(query)),
    ofOrg: async ({ organizationId, query }) =>
      loadMembersOf(sql, String(organizationId), organizationMembersQuery.parse(query)),
    revenue: async ({ query }) => loadRevenue(sql, revenueQuery.parse(query)),
    summary: async ({ memberId }) => loadSummary(sql, String(memberId)),
    statement,
    report: async ({ organizationId }) => {
      const query = { organizationId: String(organizationId) }
      return reportOf(await (statementOf?.(query) ?? statement({ query })))
    },
  }
}
