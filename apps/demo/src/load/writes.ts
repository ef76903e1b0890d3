import type { Random } from './random.js'

/** Rows that writes choose among. */
export interface WriteWorld {
  readonly members: number
  readonly payments: number
  readonly organizations: number
}

/** A connection that writes. */
export interface WriteConnection {
  query(text: string, values?: unknown[]): Promise<{ rowCount: number | null }>
}

/** What one write did: the rows it changed, and whether it was committed. */
export interface Written {
  readonly changes: number
  readonly committed: boolean
}

type Write = (sql: WriteConnection, random: Random, world: WriteWorld) => Promise<Written>

const anyPayment = (where = 'true') =>
  `select id from payments where id >= $1 and ${where} order by id limit 1 for update skip locked`
const anyMember = `select id from members where id >= $1 order by id limit 1 for update skip locked`

async function one(sql: WriteConnection, text: string, values: unknown[]): Promise<Written> {
  const { rowCount } = await sql.query(text, values)
  return { changes: rowCount ?? 0, committed: true }
}

/** All statements in one transaction. */
async function inTransaction(
  sql: WriteConnection,
  end: 'commit' | 'rollback',
  statements: readonly [string, unknown[]][],
): Promise<Written> {
  await sql.query('begin')
  try {
    let changes = 0
    for (const [text, values] of statements) changes += (await sql.query(text, values)).rowCount ?? 0
    await sql.query(end)
    return end === 'commit' ? { changes, committed: true } : { changes: 0, committed: false }
  } catch (error) {
    await sql.query('rollback')
    throw error
  }
}

const amount = (random: Random): string => (1 + random.below(20_000) / 100).toFixed(2)
const insertPayment = `insert into payments (member_id, amount, status) select id, $2::numeric, $3 from members where id >= $1 order by id limit 1`
const movePayment = `update payments set member_id = (select id from members where id >= $2 order by id limit 1) where id = (${anyPayment()})`
const setStatus = (from: string, to: string) =>
  `update payments set status = '${to}' where id = (${anyPayment(`status = '${from}'`)})`

const member = (random: Random, world: WriteWorld): number => 1 + random.below(world.members)
const payment = (random: Random, world: WriteWorld): number => 1 + random.below(world.payments)

/** Everything that an organisation's staff does to its tables, by plain SQL, with how often. */
export const writes: readonly (readonly [weight: number, name: string, write: Write])[] = [
  [
    26,
    'a completed payment',
    (sql, random, world) => one(sql, insertPayment, [member(random, world), amount(random), 'completed']),
  ],
  [
    8,
    'a pending payment',
    (sql, random, world) => one(sql, insertPayment, [member(random, world), amount(random), 'pending']),
  ],
  [
    14,
    'a payment completes',
    (sql, random, world) => one(sql, setStatus('pending', 'completed'), [payment(random, world)]),
  ],
  [8, 'a refund', (sql, random, world) => one(sql, setStatus('completed', 'refunded'), [payment(random, world)])],
  [
    10,
    'a corrected amount',
    (sql, random, world) =>
      one(sql, `update payments set amount = $2 where id = (${anyPayment()})`, [
        payment(random, world),
        amount(random),
      ]),
  ],
  [
    6,
    'a deleted payment',
    (sql, random, world) => one(sql, `delete from payments where id = (${anyPayment()})`, [payment(random, world)]),
  ],
  [
    6,
    'a payment moves to another member',
    (sql, random, world) => one(sql, movePayment, [payment(random, world), member(random, world)]),
  ],
  [
    5,
    'a member moves to another organisation',
    (sql, random, world) =>
      one(sql, `update members set organization_id = $2 where id = (${anyMember})`, [
        member(random, world),
        1 + random.below(world.organizations),
      ]),
  ],
  [
    5,
    'a member is renamed',
    (sql, random, world) =>
      one(sql, `update members set name = 'Member ' || $2::text where id = (${anyMember})`, [
        member(random, world),
        random.below(1_000_000),
      ]),
  ],
  [
    1,
    'a changed key',
    (sql, random, world) =>
      one(sql, `update members set id = nextval(pg_get_serial_sequence('members', 'id')) where id = (${anyMember})`, [
        member(random, world),
      ]),
  ],
  [
    6,
    'a transaction of several rows',
    (sql, random, world) =>
      inTransaction(sql, 'commit', [
        [insertPayment, [member(random, world), amount(random), 'completed']],
        [insertPayment, [member(random, world), amount(random), 'completed']],
        [`update members set status = 'active' where id = (${anyMember})`, [member(random, world)]],
      ]),
  ],
  [
    4,
    'a rollback',
    (sql, random, world) =>
      inTransaction(sql, 'rollback', [
        [insertPayment, [member(random, world), amount(random), 'completed']],
        [`update members set organization_id = 1 where id = (${anyMember})`, [member(random, world)]],
      ]),
  ],
]
