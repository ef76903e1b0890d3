import type { Profile } from '@freshet/members-catalog'
import { Injectable } from '@nestjs/common'
import { assignments, Database, type Refusals } from '../database/database.js'
import { conflict, notFound } from '@freshet/service-kit'
import type { MemberChange, NewMember } from './members.schemas.js'

const profile = `id::text as id, organization_id::text as "organizationId", name, email, status, to_char(joined_on, 'YYYY-MM-DD') as "joinedOn"`
const columns = { organizationId: 'organization_id', name: 'name', email: 'email', status: 'status' }
const refusals: Refusals = {
  members_email_unique: () => conflict('Another member has this address.', [{ field: 'email', detail: 'is taken' }]),
  payments_member_exists: () => conflict('The member has payments, which must be kept.'),
}

/** Writes members. */
@Injectable()
export class MemberStore {
  constructor(private readonly database: Database) {}

  async add({ organizationId, name, email, status }: NewMember): Promise<Profile> {
    const text = `insert into public.members (organization_id, name, email, status) values ($1, $2, $3, $4) returning ${profile}`
    return one(await this.database.write<Profile>(text, [organizationId, name, email, status], refusals), name)
  }

  async change(id: string, change: MemberChange): Promise<Profile> {
    const { set, values } = assignments(change, columns)
    const text = `update public.members set ${set} where id = $${values.length + 1} returning ${profile}`
    return one(await this.database.write<Profile>(text, [...values, id], refusals), id)
  }

  async remove(id: string): Promise<void> {
    one(await this.database.write('delete from public.members where id = $1 returning 1', [id], refusals), id)
  }
}

function one<Row>(rows: Row[], member: string): Row {
  if (rows[0] === undefined) throw notFound(`member ${member}`)
  return rows[0]
}
