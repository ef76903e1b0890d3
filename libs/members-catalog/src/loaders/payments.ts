import type { Balance, Page, Revenue, Transaction } from '../model.js'
import type { RevenueQuery, TransactionsQuery } from '../queries.js'
import { Conditions, type Sql } from '../sql.js'
import { pageOf } from './page.js'

/** Reads: the member's row (is there one?) and the member's payments. */
export async function loadBalance(sql: Sql, id: string): Promise<Balance | null> {
  const { rows } = await sql.query<Balance>({
    name: 'balance',
    text: `
      select m.id::text as "memberId", sums.completed
      from public.members m
      cross join lateral (
        select coalesce(json_agg(json_build_object('currency', currency, 'amount', amount::text) order by currency collate "C"), '[]') as completed
        from (select currency, sum(amount) as amount from public.payments where member_id = m.id and status = 'completed' group by currency) s
      ) sums
      where m.id = $1`,
    values: [id],
  })
  return rows[0] ?? null
}

/** Reads: the member's payments. */
export async function loadTransactions(sql: Sql, id: string, query: TransactionsQuery): Promise<Page<Transaction>> {
  const conditions = new Conditions().and('member_id', '=', id).and('status', '=', query.status)
  return pageOf(query, async (limit, offset) => {
    const text = `
      select id::text as id, amount::text as amount, currency, status, method,
             to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt"
      from public.payments p where ${conditions.where}
      order by p.created_at desc, p.id desc limit ${conditions.bind(limit)} offset ${conditions.bind(offset)}`
    const { rows } = await sql.query<Transaction>({
      name: `transactions ${conditions.shape}`,
      text,
      values: conditions.values,
    })
    return rows
  })
}

const groups: Record<RevenueQuery['groupBy'], string> = {
  day: `to_char(created_at at time zone 'UTC', 'YYYY-MM-DD')`,
  month: `to_char(created_at at time zone 'UTC', 'YYYY-MM')`,
  method: 'method',
  currency: 'currency',
}

/** Reads: any payments. */
export async function loadRevenue(sql: Sql, { from, to, groupBy }: RevenueQuery): Promise<Revenue> {
  const { rows } = await sql.query<Revenue['rows'][number]>({
    name: `revenue by ${groupBy}`,
    text: `
      select ${groups[groupBy]} as "group", currency, sum(amount)::text as amount, count(*)::int as payments
      from public.payments
      where status = 'completed'
        and created_at >= $1::timestamp at time zone 'UTC' and created_at < $2::timestamp at time zone 'UTC'
      group by 1, currency
      order by ${groups[groupBy]} collate "C", currency collate "C"`,
    values: [from, to],
  })
  return { from, to, rows }
}
