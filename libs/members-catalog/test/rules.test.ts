import { bindKey, type BoundParameters, type Query } from '@freshet/cache-keys'
import { governingTags, type Catalog } from '@freshet/catalog'
import { createPlanner, type Change, type Row } from '@freshet/planner'
import { plan } from '@freshet/planner/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loaders, membersCatalog, membersCatalogWithout, seed, type Loaders, type TemplateName } from '../src/index.js'
import { openDatabase, type Database } from './database.js'

const fencesOf = (catalog: Catalog, ...changes: Change[]): string[] => {
  const planner = createPlanner([catalog])
  return [
    ...new Set(changes.flatMap((change) => planner.planChange(change).fences.map((fence) => fence.tag.text))),
  ].sort()
}

describe('the catalog of members-api', () => {
  it('fences, for a member who moves, exactly his keys, the lists, and the old and the new organisation', () => {
    const old = { id: '42', organizationId: '1' }
    const { fences, refreshes } = plan(membersCatalog, {
      table: 'public.members',
      update: { old, new: { ...old, organizationId: '2' } },
    })
    expect(fences).toEqual([
      'member:42:*',
      'members:list:*',
      'organization:1:members:*',
      'organization:2:members:*',
      'statements:*',
      'summary:42',
    ])
    expect(refreshes.map(({ key }) => key)).toEqual(['member:42:profile'])
  })

  it("fences, for a completed payment, exactly the member's balance, transactions and summary, revenue, and statements", () => {
    const old = { id: '7', memberId: '42', status: 'pending' }
    const { fences, refreshes } = plan(membersCatalog, {
      table: 'public.payments',
      update: { old, new: { ...old, status: 'completed' } },
    })
    expect(fences).toEqual([
      'member:42:balance',
      'member:42:transactions:*',
      'reports:revenue:*',
      'statements:*',
      'summary:42',
    ])
    expect(refreshes).toEqual([]) // balances change with each payment: those that are read are loaded then
  })
})

describe('the rules cover what the loaders read', () => {
  let database: Database
  const size = { members: 6, payments: 30, organizations: 3 }
  beforeAll(async () => {
    database = await openDatabase(size)
    await database.exec(logEveryChange)
  }, 60_000)
  afterAll(() => database.close())
  beforeEach(async () => {
    await database.exec('truncate members, payments')
    await seed(database, size)
  })

  it('whatever a change alters in a loaded value, it fences', async () => {
    let altered = 0
    await fc.assert(
      fc.asyncProperty(statement, async (sql) => {
        const round = await run(database, sql)
        altered += round.altered.length
        expect(missedBy(membersCatalog, round).map(textOf)).toEqual([])
      }),
      { numRuns: 40 },
    )
    expect(altered).toBeGreaterThan(40) // else nothing was tested
  }, 120_000)

  it('a catalog without rules for one template misses its alterations and what is derived from it, and no others', async () => {
    const rounds: Round[] = []
    for (const sql of fc.sample(statement, { numRuns: 30, seed: 7 })) rounds.push(await run(database, sql))
    for (const left of new Set(watched.map(({ template }) => template))) {
      const broken = membersCatalogWithout(left)
      const missed = new Set(rounds.flatMap((round) => missedBy(broken, round)).map(({ template }) => template))
      expect([...missed].sort()).toEqual([left, ...(derivedFrom[left] ?? [])].sort())
    }
  }, 120_000)
})

const derivedFrom: Readonly<Partial<Record<TemplateName, readonly TemplateName[]>>> = {
  transactions: ['summary', 'statement'],
  summary: ['statement'],
}

interface LoadedKey {
  readonly template: TemplateName
  readonly parameters: BoundParameters
  load(from: Loaders): Promise<unknown>
}

const ofMember = (id: string): LoadedKey[] => [
  { template: 'profile', parameters: { id }, load: (from) => from.profile({ id }) },
  { template: 'balance', parameters: { id }, load: (from) => from.balance({ id }) },
  { template: 'summary', parameters: { memberId: id }, load: (from) => from.summary({ memberId: id }) },
  ...[{}, { status: 'completed', limit: 2 }].map((query): LoadedKey => ({
    template: 'transactions',
    parameters: { id, query },
    load: (from) => from.transactions({ id, query }),
  })),
]
const ofOrganization = (organizationId: string, query = {}): LoadedKey => ({
  template: 'ofOrg',
  parameters: { organizationId, query },
  load: (from) => from.ofOrg({ organizationId, query }),
})
const statementOf = (organizationId: string): LoadedKey => ({
  template: 'statement',
  parameters: { query: { organizationId } },
  load: (from) => from.statement({ query: { organizationId } }),
})
const list = (query: Query): LoadedKey => ({
  template: 'list',
  parameters: { query },
  load: (from) => from.list({ query }),
})
const revenue = (query: Query): LoadedKey => ({
  template: 'revenue',
  parameters: { query },
  load: (from) => from.revenue({ query }),
})

const ids = ['1', '2', '3', '4', '5', '6', '7']
const watched: readonly LoadedKey[] = [
  ...ids.flatMap(ofMember),
  ...['1', '2', '3'].map((organization) => ofOrganization(organization)),
  ...['1', '2', '3'].map(statementOf),
  list({}),
  list({ status: 'active', organizationId: '2', search: 'member' }),
  revenue({ from: '2020-01-01', to: '2030-01-01', groupBy: 'method' }),
]

/** Statements as a service might write them: ids beyond the seeded ones come and go, several rows change at once. */
const member = fc.constantFrom(...ids)
const statement = fc.oneof(
  fc
    .tuple(member, member)
    .map(
      ([id, organization]) =>
        `insert into members (id, organization_id, name, email) values (${id}, 1 + ${organization} % 3, 'New ${id}', 'new-${id}@example.org') on conflict do nothing`,
    ),
  fc
    .tuple(member, member)
    .map(([id, organization]) => `update members set organization_id = 1 + ${organization} % 3 where id = ${id}`),
  fc
    .tuple(member, fc.constantFrom('active', 'suspended'))
    .map(
      ([id, status]) =>
        `update members set status = '${status}', name = name || '.' where id >= ${id} and id < ${id} + 2`,
    ),
  fc
    .tuple(member, member)
    .map(
      ([from, to]) =>
        `update members set id = ${to} where id = ${from} and not exists (select from members where id = ${to})`,
    ),
  member.map(
    (id) => `delete from members m where id = ${id} and not exists (select from payments where member_id = m.id)`,
  ),
  fc
    .tuple(member, fc.constantFrom('pending', 'completed'))
    .map(
      ([id, status]) =>
        `insert into payments (member_id, amount, status) select id, 12.5, '${status}' from members where id = ${id}`,
    ),
  fc
    .tuple(member, fc.constantFrom('pending', 'completed', 'refunded', 'failed'))
    .map(([id, status]) => `update payments set status = '${status}' where member_id = ${id}`),
  member.map(
    (id) =>
      `update payments set amount = amount + 1 where id in (select min(id) from payments where member_id = ${id})`,
  ),
  fc
    .tuple(member, member)
    .map(
      ([from, to]) =>
        `update payments set member_id = ${to} where member_id = ${from} and exists (select from members where id = ${to})`,
    ),
  member.map((id) => `delete from payments where member_id = ${id}`),
)

const logEveryChange = `
  create table change_log (n int generated always as identity, change jsonb);
  create function log_change() returns trigger language plpgsql as $$
  begin
    insert into change_log (change) values (jsonb_build_object(
      'table', 'public.' || tg_table_name, 'operation', lower(tg_op), 'old', to_jsonb(old), 'new', to_jsonb(new)));
    return null;
  end $$;
  create trigger log_members after insert or update or delete on members for each row execute function log_change();
  create trigger log_payments after insert or update or delete on payments for each row execute function log_change();`

/** What one statement changed, and which loaded values differ for it. */
interface Round {
  readonly changes: readonly Change[]
  readonly altered: readonly LoadedKey[]
}

async function run(database: Database, sql: string): Promise<Round> {
  const before = await loadAll(database)
  await database.exec('truncate change_log')
  await database.exec(sql)
  const log = (await database.exec('select change from change_log order by n')) as { change: LoggedChange }[]
  const after = await loadAll(database)
  return {
    changes: log.map(({ change }) => asPublished(change)),
    altered: watched.filter((_, index) => before[index] !== after[index]),
  }
}

interface LoggedChange {
  readonly table: string
  readonly operation: 'insert' | 'update' | 'delete'
  readonly old: Record<string, string | number> | null
  readonly new: Record<string, string | number> | null
}

/** Only the columns that the catalog watches, int8 as text: what the listener would publish. */
function asPublished({ table, operation, old, new: next }: LoggedChange): Change {
  const columns = Object.values(membersCatalog.json.tables[table]?.columns ?? {})
  const cut = (row: Record<string, string | number>): Row =>
    Object.fromEntries(columns.map((column) => [column, String(row[column])]))
  return { table, operation, ...(old && { old: cut(old) }), ...(next && { new: cut(next) }) }
}

async function loadAll(database: Database): Promise<string[]> {
  const from = loaders(database)
  return Promise.all(watched.map(async (key) => JSON.stringify(await key.load(from))))
}

function tagsOf(catalog: Catalog, { template, parameters }: LoadedKey): string[] {
  const compiled = catalog.templates.get(template)
  if (compiled === undefined) throw new Error(`no template ${template}`)
  return governingTags(compiled, bindKey(compiled.template, parameters)).map((tag) => tag.text)
}

/** Values that the changes altered and that the catalog does not fence. */
function missedBy(catalog: Catalog, { changes, altered }: Round): LoadedKey[] {
  const fences = new Set(fencesOf(catalog, ...changes))
  return altered.filter((key) => !tagsOf(catalog, key).some((tag) => fences.has(tag)))
}

const textOf = ({ template, parameters }: LoadedKey): string => `${template} ${JSON.stringify(parameters)}`
