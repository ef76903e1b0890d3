import { MEMBER_STATUSES, PAYMENT_METHODS, PAYMENT_STATUSES } from '../model.js'
import type { KnownWorld } from './known-keys.js'

/** What a service might write: one statement, or one transaction. */
export interface Write {
  readonly kind: string
  readonly sql: string
}

/** A whole number from 0 to `below` - 1. */
type Below = (below: number) => number

interface Choices {
  readonly below: Below
  readonly of: <T>(choices: readonly T[]) => T
  readonly world: KnownWorld
}

/** Some row, another for another number, the same one for the same rows and number. */
const someRow =
  (table: 'members' | 'payments') =>
  ({ below }: Choices, where = 'true'): string =>
    `(select id from ${table} where ${where} order by (id * 31 + ${below(97)}) % 97, id limit 1)`
const someMember = someRow('members')
const somePayment = someRow('payments')

const amount = ({ below }: Choices): string => (1 + below(20_000) / 100).toFixed(2)
const currency = ({ of }: Choices): string => of(['EUR', 'EUR', 'EUR', 'USD'])
const createdAt = ({ below }: Choices): string => `timestamptz '2025-01-01' + interval '1 day' * ${below(365)}`
const inOne = (...statements: readonly string[]): string => `begin; ${statements.join('; ')}; commit`

const member = (set: (choices: Choices) => string) => (choices: Choices) =>
  `update members set ${set(choices)} where id = ${someMember(choices)}`
const payment =
  (set: (choices: Choices) => string, where = 'true') =>
  (choices: Choices) =>
    `update payments set ${set(choices)} where id = ${somePayment(choices, where)}`

const insertMember = (choices: Choices): string => {
  const { below, of, world } = choices
  const id = of(world.members)
  return `insert into members (id, organization_id, name, email, joined_on)
    values (${id}, ${of(world.organizations)}, 'New ${id}', 'new-${id}-${below(1e9)}@example.org', '2025-01-01') on conflict do nothing`
}
const insertPayment = (choices: Choices, status?: string): string =>
  `insert into payments (member_id, amount, currency, status, created_at)
    select id, ${amount(choices)}, '${currency(choices)}', '${status ?? choices.of(PAYMENT_STATUSES)}', ${createdAt(choices)}
    from members where id = ${someMember(choices)}`
const lastPayment = 'id = (select max(id) from payments)'

const withoutPayments = 'not exists (select from payments p where p.member_id = members.id)'

/**
 * Every kind of write, with how often it comes. Those that change a row and leave what is computed from it as it was come
 * seldom, as in a service.
 */
const kinds: readonly (readonly [weight: number, kind: string, sql: (choices: Choices) => string])[] = [
  [8, 'a new member', insertMember],
  [8, 'a renamed member', member(({ below }) => `name = 'Member ' || ${below(1_000)}`)],
  [4, "a member's email", member(({ below }) => `email = 'mail-${below(1e9)}@example.org'`)],
  [6, "a member's status", member(({ of }) => `status = '${of(MEMBER_STATUSES)}'`)],
  [2, "a member's first day", member(({ below }) => `joined_on = date '2020-01-01' + ${below(1_000)}`)],
  [8, 'a member who moves', member(({ of, world }) => `organization_id = ${of(world.organizations)}`)],
  [4, 'a member updated to the same', member(() => 'name = name, organization_id = organization_id')],
  [
    4,
    'a member without payments deleted',
    (some) => `delete from members where id = ${someMember(some)} and ${withoutPayments}`,
  ],
  [
    1,
    "a member's key",
    (some) => {
      const to = some.of(some.world.members)
      return `update members set id = ${to} where id = ${someMember(some)} and not exists (select from members where id = ${to})`
    },
  ],
  [20, 'a new payment', (some) => insertPayment(some)],
  [12, "a payment's status", payment(({ of }) => `status = '${of(PAYMENT_STATUSES)}'`)],
  [8, "a payment's amount", payment((some) => `amount = ${amount(some)}`)],
  [4, "a payment's currency", payment((some) => `currency = '${currency(some)}'`)],
  [6, "a payment's method", payment(({ of }) => `method = '${of(PAYMENT_METHODS)}'`)],
  [4, "a payment's time", payment((some) => `created_at = ${createdAt(some)}`)],
  [6, 'a payment that moves', payment((some) => `member_id = ${someMember(some)}`)],
  [4, 'a payment updated to the same', payment(() => 'amount = amount, status = status, method = method')],
  [1, "a payment's key", payment(() => `id = nextval(pg_get_serial_sequence('public.payments', 'id'))`)],
  [12, 'a deleted payment', (some) => `delete from payments where id = ${somePayment(some)}`],
  [
    4,
    'all pending payments of a member complete',
    (some) => `update payments set status = 'completed' where status = 'pending' and member_id = ${someMember(some)}`,
  ],
  [
    4,
    'a member who moves and pays, in one transaction',
    (some) =>
      inOne(member(({ of, world }) => `organization_id = ${of(world.organizations)}`)(some), insertPayment(some)),
  ],
  [
    4,
    'three payments in one transaction',
    (some) => inOne(insertPayment(some), insertPayment(some), payment(() => `status = 'completed'`)(some)),
  ],
  [
    1,
    'a payment made and deleted in one transaction',
    (some) => inOne(insertPayment(some, 'completed'), `delete from payments where ${lastPayment}`),
  ],
  [
    1,
    'a payment refunded and completed again in one transaction',
    (some) => `do $$ declare one bigint := ${somePayment(some, `status = 'completed'`)}; begin
      update payments set status = 'refunded' where id = one; update payments set status = 'completed' where id = one; end $$`,
  ],
  [
    2,
    'a member deleted with all payments, in one transaction',
    (some) => `do $$ declare one bigint := ${someMember(some)}; begin
      delete from payments where member_id = one; delete from members where id = one; end $$`,
  ],
  [1, 'a rollback', (some) => `begin; ${insertPayment(some, 'completed')}; delete from payments; rollback`],
]

const total = kinds.reduce((sum, [weight]) => sum + weight, 0)

/** A write of any kind. `below` is where chance comes from: the same numbers over the same rows do the same. */
export function someWrite(below: Below, world: KnownWorld): Write {
  const choices: Choices = { below, of: (from) => chosen(from, below(from.length)), world }
  let left = below(total)
  for (const [weight, kind, sql] of kinds) if ((left -= weight) < 0) return { kind, sql: sql(choices) }
  throw new RangeError(`below(${total}) gave ${total} or more`)
}

function chosen<T>(from: readonly T[], at: number): T {
  const choice = from[at]
  if (choice === undefined) throw new RangeError(`there is no choice ${at} of ${from.length}`)
  return choice
}
