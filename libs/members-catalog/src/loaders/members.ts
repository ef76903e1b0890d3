import type { Member, Page, Profile } from '../model.js'
import type { MemberListQuery, OrganizationMembersQuery } from '../queries.js'
import { Conditions, type Sql } from '../sql.js'
import { pageOf } from './page.js'

const member = `id::text as id, organization_id::text as "organizationId", name, email, status`

/** Reads: the member's row. */
export async function loadProfile(sql: Sql, id: string): Promise<Profile | null> {
  const { rows } = await sql.query<Profile>({
    name: 'profile',
    text: `select ${member}, to_char(joined_on, 'YYYY-MM-DD') as "joinedOn" from public.members where id = $1`,
    values: [id],
  })
  return rows[0] ?? null
}

/** Reads: any members. */
export async function loadMembers(sql: Sql, query: MemberListQuery): Promise<Page<Member>> {
  const conditions = new Conditions()
    .and('status', '=', query.status)
    .and('organization_id', '=', query.organizationId)
    .and('name', 'ilike', query.search === undefined ? undefined : `%${query.search.replace(/[\\%_]/g, '\\$&')}%`)
  return membersPage(sql, 'members', conditions, query)
}

/** Reads: the members of one organisation. */
export async function loadMembersOf(
  sql: Sql,
  organizationId: string,
  query: OrganizationMembersQuery,
): Promise<Page<Member>> {
  const conditions = new Conditions().and('organization_id', '=', organizationId).and('status', '=', query.status)
  return membersPage(sql, 'members of', conditions, query)
}

async function membersPage(
  sql: Sql,
  name: string,
  conditions: Conditions,
  query: { page: number; limit: number },
): Promise<Page<Member>> {
  return pageOf(query, async (limit, offset) => {
    const text = `select ${member} from public.members m where ${conditions.where}
                  order by m.id limit ${conditions.bind(limit)} offset ${conditions.bind(offset)}`
    const { rows } = await sql.query<Member>({ name: `${name} ${conditions.shape}`, text, values: conditions.values })
    return rows
  })
}
