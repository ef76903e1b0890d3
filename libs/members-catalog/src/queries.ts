import { z } from 'zod'
import { MEMBER_STATUSES, PAYMENT_STATUSES } from './model.js'

const MAX_INT8 = 2n ** 63n - 1n

/** An id as decimal text in its one canonical form, or a number that has one. */
export const id = z
  .union([z.string(), z.int().transform(String)])
  .refine((text) => /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= MAX_INT8, {
    error: 'expected a positive whole number',
  })
  .meta({ type: 'string', pattern: '^[1-9][0-9]{0,18}$', examples: ['42'] })

// a URL carries text, a program a number: both stand for the same page
const count = (most: number, otherwise: number) =>
  z
    .union(
      [
        z.int(),
        z
          .string()
          .regex(/^\d{1,6}$/)
          .transform(Number),
      ],
      { error: 'expected a whole number' },
    )
    .pipe(z.int().min(1).max(most))
    .default(otherwise)

const day = z.iso.date({ error: 'expected a day as YYYY-MM-DD' })
const paging = { page: count(100_000, 1), limit: count(100, 20) }

// What each template's {query} may hold. The API validates with the same schemas, so that a default that was left out
// and one that was spelt out are one key.
export const memberListQuery = z.strictObject({
  status: z.enum(MEMBER_STATUSES).optional(),
  organizationId: id.optional(),
  /** Part of a name, in any case. */
  search: z.string().trim().min(1).max(100).optional(),
  ...paging,
})

export const organizationMembersQuery = z.strictObject({ status: z.enum(MEMBER_STATUSES).optional(), ...paging })

export const transactionsQuery = z.strictObject({ status: z.enum(PAYMENT_STATUSES).optional(), ...paging })

export const revenueQuery = z
  .strictObject({ from: day, to: day, groupBy: z.enum(['day', 'month', 'method', 'currency']).default('month') })
  .refine(({ from, to }) => from < to, { error: 'expected a day after from', path: ['to'] })

export const statementQuery = z.strictObject({ organizationId: id })

export type MemberListQuery = z.infer<typeof memberListQuery>
export type OrganizationMembersQuery = z.infer<typeof organizationMembersQuery>
export type TransactionsQuery = z.infer<typeof transactionsQuery>
export type StatementQuery = z.infer<typeof statementQuery>
export type RevenueQuery = z.infer<typeof revenueQuery>
