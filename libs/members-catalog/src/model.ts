import { z } from 'zod'

export const MEMBER_STATUSES = ['active', 'suspended', 'left'] as const
export const PAYMENT_STATUSES = ['pending', 'completed', 'refunded', 'failed'] as const
export const PAYMENT_METHODS = ['card', 'transfer', 'cash'] as const

const id = z
  .string()
  .meta({ description: 'Decimal text: an id may exceed what a JavaScript number holds', examples: ['42'] })
const day = z.string().meta({ format: 'date', examples: ['2026-01-31'] })

/** An amount as Postgres' numeric prints it, so that no cent is lost to floating point. */
const money = z.strictObject({ currency: z.string(), amount: z.string().meta({ examples: ['12.50'] }) })

/** A member as lists show one. */
export const member = z
  .strictObject({ id, organizationId: id, name: z.string(), email: z.string(), status: z.enum(MEMBER_STATUSES) })
  .meta({ id: 'Member' })

/** A member in full. */
export const profile = member.extend({ joinedOn: day }).meta({ id: 'Profile' })

/** What a member has paid and not got back, by currency in alphabetical order. */
export const balance = z.strictObject({ memberId: id, completed: z.array(money) }).meta({ id: 'Balance' })

export const transaction = z
  .strictObject({
    id,
    ...money.shape,
    status: z.enum(PAYMENT_STATUSES),
    method: z.enum(PAYMENT_METHODS),
    createdAt: z.string().meta({ format: 'date-time', description: 'UTC, with microseconds' }),
  })
  .meta({ id: 'Transaction' })

/** Completed payments of a period, cut by one dimension, in its alphabetical order and then by currency. */
export const revenue = z
  .strictObject({
    from: day.meta({ description: 'First day, UTC' }),
    to: day.meta({ description: 'Day after the last, UTC' }),
    rows: z.array(z.strictObject({ group: z.string(), ...money.shape, payments: z.int() })),
  })
  .meta({ id: 'Revenue' })

/** A member's payments by status, and by currency in alphabetical order. */
export const summary = z
  .strictObject({
    memberId: id,
    payments: z.array(z.strictObject({ status: z.enum(PAYMENT_STATUSES), ...money.shape, payments: z.int() })),
  })
  .meta({ id: 'Summary' })

/** What an organisation's members have paid and not got back, by currency in alphabetical order. */
export const statement = z
  .strictObject({ organizationId: id, members: z.int(), completed: z.array(money) })
  .meta({ id: 'Statement' })

/** A statement for people. */
export const report = z.strictObject({ organizationId: id, lines: z.array(z.string()) }).meta({ id: 'Report' })

/** One page of an ordered list. `more` instead of a total: counting costs as much as reading everything. */
const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), page: z.int(), limit: z.int(), more: z.boolean() })

export const memberPage = pageOf(member).meta({ id: 'MemberPage' })
export const transactionPage = pageOf(transaction).meta({ id: 'TransactionPage' })

/** As the cache hands values out: frozen in depth. */
type Frozen<T> = { readonly [Field in keyof T]: Frozen<T[Field]> }

export type Member = Frozen<z.infer<typeof member>>
export type Profile = Frozen<z.infer<typeof profile>>
export type Balance = Frozen<z.infer<typeof balance>>
export type Transaction = Frozen<z.infer<typeof transaction>>
export type Revenue = Frozen<z.infer<typeof revenue>>
export type Summary = Frozen<z.infer<typeof summary>>
export type Statement = Frozen<z.infer<typeof statement>>
export type Report = Frozen<z.infer<typeof report>>
export type Page<T> = {
  readonly items: readonly T[]
  readonly page: number
  readonly limit: number
  readonly more: boolean
}
