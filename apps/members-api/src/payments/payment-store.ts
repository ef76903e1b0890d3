import type { Transaction } from '@freshet/members-catalog'
import { Injectable } from '@nestjs/common'
import { assignments, Database, type Refusals } from '../database/database.js'
import { notFound, unprocessable } from '@freshet/service-kit'
import type { NewPayment, PaymentChange } from './payments.schemas.js'

/** A payment as it was written. */
export interface Payment extends Transaction {
  readonly memberId: string
}

const payment = `id::text as id, member_id::text as "memberId", amount::text as amount, currency, status, method,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt"`
const columns = { memberId: 'member_id', amount: 'amount', currency: 'currency', status: 'status', method: 'method' }
const refusals: Refusals = {
  payments_member_exists: () => unprocessable([{ field: 'memberId', detail: 'there is no such member' }]),
}

/** Writes payments. */
@Injectable()
export class PaymentStore {
  constructor(private readonly database: Database) {}

  async add({ memberId, amount, currency, status, method }: NewPayment): Promise<Payment> {
    const text = `insert into public.payments (member_id, amount, currency, status, method) values ($1, $2, $3, $4, $5) returning ${payment}`
    return one(await this.database.write<Payment>(text, [memberId, amount, currency, status, method], refusals), 'new')
  }

  async change(id: string, change: PaymentChange): Promise<Payment> {
    const { set, values } = assignments(change, columns)
    const text = `update public.payments set ${set} where id = $${values.length + 1} returning ${payment}`
    return one(await this.database.write<Payment>(text, [...values, id], refusals), id)
  }
}

function one<Row>(rows: Row[], payment: string): Row {
  if (rows[0] === undefined) throw notFound(`payment ${payment}`)
  return rows[0]
}
