import { model, queries } from '@freshet/members-catalog'
import { z } from 'zod'

// text, not a number: 0.1 + 0.2 is no amount
const amount = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,2})?$/, { abort: true, error: "expected an amount as text, such as '12.50'" })
  .refine((text) => /[1-9]/.test(text), { error: 'expected more than nothing' })

const fields = {
  memberId: queries.id,
  amount,
  currency: z.string().regex(/^[A-Z]{3}$/, { error: "expected an ISO 4217 code, such as 'EUR'" }),
  status: z.enum(model.PAYMENT_STATUSES),
  method: z.enum(model.PAYMENT_METHODS),
}

export const newPayment = z
  .strictObject({
    ...fields,
    currency: fields.currency.default('EUR'),
    status: fields.status.default('pending'),
    method: fields.method.default('card'),
  })
  .meta({ id: 'NewPayment' })

export const paymentChange = z
  .strictObject(fields)
  .partial()
  .refine((change) => Object.keys(change).length > 0, { error: 'expected at least one field to change' })
  .meta({ id: 'PaymentChange' })

/** A payment as it was written. */
export const payment = model.transaction.extend({ memberId: model.member.shape.id }).meta({ id: 'Payment' })

export type NewPayment = z.infer<typeof newPayment>
export type PaymentChange = z.infer<typeof paymentChange>
