import { inTransaction, type ConnectionPool } from './schema.js'

/** How much {@link seed} writes. */
export interface SeedSize {
  readonly members: number
  readonly payments: number
  /** Members with consecutive ids are spread over them in turn. Default: one for 50 members. */
  readonly organizations?: number
}

/** The instant before which every seeded payment lies less than a year back. */
export const SEED_EPOCH = '2026-01-01T00:00:00Z'

const seedMembers = `
insert into public.members (id, organization_id, name, email, status, joined_on)
select i,
       1 + i % $2::bigint,
       'Member ' || i,
       'member-' || i || '@example.org',
       case when i % 20 = 0 then 'suspended' when i % 33 = 0 then 'left' else 'active' end,
       date '2020-01-01' + (i * 7 % 2000)::int
from generate_series(1, $1::bigint) as i
on conflict do nothing`

// 7919 is prime: consecutive payments fall on far-apart members, and every member gets the same number
const seedPayments = `
insert into public.payments (id, member_id, amount, currency, status, method, created_at)
select i,
       1 + i * 7919 % $2::bigint,
       (100 + i * 37 % 20000) / 100.0,
       case when i % 10 = 0 then 'USD' else 'EUR' end,
       (array['completed', 'completed', 'completed', 'pending', 'completed', 'refunded', 'completed', 'failed'])[1 + i % 8],
       (array['card', 'transfer', 'cash'])[1 + i % 3],
       timestamptz '${SEED_EPOCH}' - make_interval(mins => (i * 7 % 525600)::int)
from generate_series(1, $1::bigint) as i
on conflict do nothing`

/**
 * Fills the tables with members 1 to `members` and payments 1 to `payments`; the same sizes always give the same rows,
 * and rows that exist stay as they are. One transaction; 10,000 members and 50,000 payments take about a second.
 */
export async function seed(pool: ConnectionPool, size: SeedSize): Promise<void> {
  const organizations = size.organizations ?? Math.max(1, Math.ceil(size.members / 50))
  await inTransaction(pool, async (connection) => {
    await connection.query(seedMembers, [size.members, organizations])
    await connection.query(seedPayments, [size.payments, Math.max(1, size.members)])
    for (const table of ['members', 'payments']) {
      await connection.query(
        `select setval(pg_get_serial_sequence('public.${table}', 'id'), (select coalesce(max(id), 0) + 1 from public.${table}), false)`,
      )
    }
  })
  const connection = await pool.connect()
  try {
    await connection.query('analyze public.members, public.payments')
  } finally {
    connection.release()
  }
}
