import type { Report, Statement, Summary } from '../model.js'
import type { StatementQuery } from '../queries.js'
import type { Sql } from '../sql.js'

/** Reads: the member's payments. */
export async function loadSummary(sql: Sql, memberId: string): Promise<Summary> {
  const { rows } = await sql.query<Summary['payments'][number]>({
    name: 'summary',
    text: `
      select status, currency, sum(amount)::text as amount, count(*)::int as payments
      from public.payments where member_id = $1
      group by status, currency order by status collate "C", currency collate "C"`,
    values: [memberId],
  })
  return { memberId, payments: rows }
}

/** Reads: the organisation's members, and their payments. */
export async function loadStatement(sql: Sql, { organizationId }: StatementQuery): Promise<Statement> {
  const { rows } = await sql.query<Statement>({
    name: 'statement',
    text: `
      select $1::text as "organizationId", (select count(*)::int from public.members where organization_id = $2) as members,
        (select coalesce(json_agg(json_build_object('currency', currency, 'amount', amount::text) order by currency collate "C"), '[]')
         from (select p.currency, sum(p.amount) as amount
               from public.payments p join public.members m on m.id = p.member_id
               where m.organization_id = $2 and p.status = 'completed' group by p.currency) s) as completed`,
    values: [organizationId, organizationId],
  })
  const [statement] = rows
  if (statement === undefined) throw new Error('a select without from returned no row')
  return statement
}

/** Reads nothing but the statement. */
export const reportOf = ({ organizationId, members, completed }: Statement): Report => ({
  organizationId,
  lines: completed.map(({ currency, amount }) => `${amount} ${currency} from ${members} members`),
})
