import { describeTables, type TableFacts } from '@freshet/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../../libs/postgres/test/tables/postgres-server.js'
import { demandsOf } from '../../src/admission/demands.js'
import { readGround } from '../../src/admission/ground.js'
import { judge, type Verdict } from '../../src/admission/verdict.js'
import { watchedTablesOf } from '../../src/admission/watch.js'
import { byOrganization, catalogOf } from './catalogs.js'

// Each test talks to a real server, on a machine that does other things too.
vi.setConfig({ testTimeout: 30_000 })

let server: PostgresServer
const tables = ['public.members', 'public.roster', 'public.roster_low', 'public.notes']

beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.stop())
beforeEach(() => server.pool.query('drop schema public cascade; create schema public'))

const sql = (statement: string): Promise<unknown> => server.pool.query(statement)
const verdictOn = async (catalog = catalogOf(), others = [] as ReturnType<typeof catalogOf>[]): Promise<Verdict> =>
  judge(catalog, others, await readGround(server.pool, tables, []))
const factsOf = async (): Promise<ReadonlyMap<string, TableFacts>> =>
  new Map((await describeTables(server.pool, tables)).map((facts) => [facts.name, facts]))

/** Executes the statements of all faults, as an operator would, and says which faults are left. */
async function mended(catalog = catalogOf()): Promise<{ before: string[]; statements: string[]; after: string[] }> {
  const { faults } = await verdictOn(catalog)
  const statements = [...new Set(faults.flatMap(({ fix }) => (fix === undefined ? [] : [fix])))]
  for (const statement of statements.flatMap((fix) => fix.split(/;(?:\n|$)/)).filter(Boolean)) await sql(statement)
  return { before: codes(faults), statements, after: codes((await verdictOn(catalog)).faults) }
}

const codes = (faults: Verdict['faults']): string[] => faults.map(({ code }) => code)

describe('old columns that the replica identity does not give', () => {
  it('a rule on the key alone asks for nothing', async () => {
    await sql('create table members (id int primary key, organization_id int not null, status text)')
    expect(await verdictOn()).toEqual({ faults: [], kinds: { profile: { id: 'integer' } } })
  })

  it('short NOT NULL columns: a unique index over key and column, built without blocking writes', async () => {
    await sql('create table members (id int primary key, organization_id int not null, status text)')
    const { before, statements, after } = await mended(catalogOf(byOrganization))
    expect(before).toEqual(['old-column-unknown'])
    expect(statements).toEqual([
      'create unique index concurrently "members_id_organization_id_identity" on "public"."members" ("id", "organization_id");\n' +
        'alter table "public"."members" replica identity using index "members_id_organization_id_identity";',
    ])
    expect(after).toEqual([])
  })

  it('an index that is already there is used', async () => {
    await sql('create table members (id int primary key, organization_id int not null unique, status text)')
    await sql('create unique index known on members (organization_id, id)')
    const { statements, after } = await mended(catalogOf(byOrganization))
    expect(statements).toEqual(['alter table "public"."members" replica identity using index "known";'])
    expect(after).toEqual([])
  })

  it.each([
    ['a column that may be null', 'organization_id int'],
    ['a text, whose long values an index would refuse', 'organization_id text not null'],
    ['a long varchar', 'organization_id varchar(4000) not null'],
  ])('%s: the whole old row', async (_title, column) => {
    await sql(`create table members (id int primary key, ${column}, status text)`)
    const { before, statements, after } = await mended(catalogOf(byOrganization))
    expect(before).toEqual(['old-column-unknown'])
    expect(statements).toEqual(['alter table "public"."members" replica identity full;'])
    expect(after).toEqual([])
  })

  it('what another catalog needs is kept by the statement', async () => {
    await sql('create table members (id int primary key, organization_id int not null, status varchar(20) not null)')
    const other = catalogOf({
      owner: 'other',
      rules: [{ on: { table: 'public.members', where: { status: 'x' } }, fences: [{ template: 'profile' }] }],
    })
    const { faults } = await verdictOn(catalogOf(byOrganization), [other])
    expect(faults[0]?.fix).toContain('("id", "organization_id", "status")')
  })

  it('a condition and an event need the old column, also on insert-only rules beside them', async () => {
    await sql('create table members (id int primary key, organization_id int not null, status varchar(20) not null)')
    const events = { 'member.left': { column: 'status', becomes: 'left' } }
    const catalog = catalogOf({
      members: { events },
      rules: [
        {
          on: { table: 'public.members', operations: ['insert'], where: { organizationId: 3 } },
          fences: [{ key: 'profile', with: { id: 'id' } }],
        },
      ],
    })
    const { faults } = await verdictOn(catalog)
    expect(faults.map(({ code, path }) => [code, path])).toEqual([
      ['old-column-unknown', 'tables["public.members"].events["member.left"]'],
    ])
  })

  it('a rule that widens where the old row is unknown needs none', async () => {
    await sql('create table members (id int primary key, organization_id int, status text)')
    const rules = byOrganization.rules.map((rule) => ({ ...rule, whenOldUnknown: 'all' as const }))
    expect((await verdictOn(catalogOf({ ...byOrganization, rules }))).faults).toEqual([])
  })

  it('a partitioned table: each leaf gives the old row', async () => {
    await sql('create table members (id int primary key, organization_id int, status text) partition by range (id)')
    await sql('create table low partition of members for values from (0) to (9)')
    await sql('create table high partition of members for values from (9) to (99)')
    const { before, statements, after } = await mended(catalogOf(byOrganization))
    expect(before).toEqual(['old-column-unknown'])
    expect(statements).toEqual([
      'alter table "public"."low" replica identity full;\nalter table "public"."high" replica identity full;',
    ])
    expect(after).toEqual([])
  })

  it("somebody else's column list forbids the statement, since it would make updates fail", async () => {
    await sql('create table members (id int primary key, organization_id int, status text)')
    await sql('drop publication if exists theirs; create publication theirs for table members (id)')
    const { faults } = await verdictOn(catalogOf(byOrganization))
    expect(faults).toHaveLength(1)
    expect(faults[0]?.fix).toBeUndefined()
    expect(faults[0]?.message).toContain('"theirs"')
    await sql('drop publication theirs')
  })
})

describe('updates that cannot be published', () => {
  it.each([
    ['no primary key', 'create table members (id int, organization_id int, status text)', 'full'],
    [
      'a deferrable key',
      'create table members (id int primary key deferrable, organization_id int, status text)',
      'full',
    ],
    [
      'replica identity nothing',
      'create table members (id int primary key, organization_id int, status text); alter table members replica identity nothing',
      'default',
    ],
    [
      'full with virtual columns',
      'create table members (id int primary key, organization_id int, status text, twice int generated always as (id * 2) virtual); alter table members replica identity full',
      'default',
    ],
  ])('%s: refused for rules, with the statement that mends it', async (_title, ddl, identity) => {
    await sql(ddl)
    const { before, statements, after } = await mended()
    expect(before).toEqual(['updates-unpublished'])
    expect(statements).toEqual([`alter table "public"."members" replica identity ${identity};`])
    expect(after).toEqual([])
  })

  it('a partitioned table without a key of its own gets one', async () => {
    await sql('create table members (id int not null, organization_id int, status text) partition by range (id)')
    const { before, statements, after } = await mended()
    expect(before).toEqual(['updates-unpublished'])
    expect(statements).toEqual(['alter table "public"."members" add primary key ("id");'])
    expect(after).toEqual([])
  })

  it('append-only tables and rules on inserts are admitted as they are', async () => {
    await sql('create table members (id int, organization_id int, status text)')
    expect((await verdictOn(catalogOf({ members: { appendOnly: true } }))).faults).toEqual([])
    const rules = [
      {
        on: { table: 'public.members', operations: ['insert' as const] },
        fences: [{ key: 'profile', with: { id: 'id' } }],
      },
    ]
    expect((await verdictOn(catalogOf({ rules }))).faults).toEqual([])
    expect((await verdictOn(catalogOf({ rules: [] }))).faults).toEqual([])
  })
})

describe('relations that cannot be watched', () => {
  it.each([
    ['unlogged', 'create unlogged table members (id int primary key, organization_id int, status text)', true],
    [
      'inherited from',
      'create table members (id int primary key, organization_id int, status text); create table children () inherits (members)',
      true,
    ],
    [
      'a view',
      'create view members as select 1 as id, 1 as organization_id, text as status from (values (1)) as v (text)',
      false,
    ],
    [
      'a materialized view',
      'create materialized view members as select 1 as id, 1 as organization_id, 2 as status',
      false,
    ],
    [
      'a foreign table',
      `create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;
       create foreign table members (id int, organization_id int, status text) server nowhere`,
      false,
    ],
  ])('%s', async (_title, ddl, mendable) => {
    await sql(ddl)
    const { before, after } = await mended()
    expect(before).toContain('table-unsupported')
    expect(after).toEqual(mendable ? [] : ['table-unsupported'])
  })

  it('a missing table, a missing column and a column of another type are told together', async () => {
    await sql('create table members (id numeric primary key, status text)')
    const members = { entity: 'member', key: ['id'], columns: { id: 'id', organizationId: 'organization_id' } }
    const absent = { entity: 'ghost', key: ['id'], columns: { id: 'id' } }
    const { faults } = await verdictOn(catalogOf({ tables: { 'public.members': members, 'public.absent': absent } }))
    expect(codes(faults).sort()).toEqual(['column-missing', 'parameter-type', 'table-missing'])
  })

  it('one parameter of two kinds', async () => {
    await sql('create table members (id int primary key, organization_id int not null, status varchar(9) not null)')
    await sql('alter table members replica identity full')
    const { faults } = await verdictOn(
      catalogOf({
        rules: [
          { on: { table: 'public.members' }, fences: [{ key: 'profile', with: { id: 'id' } }] },
          { on: { table: 'public.members' }, fences: [{ wildcard: 'member:{who}:*', with: { who: 'status' } }] },
        ],
      }),
    )
    expect(faults.map(({ code, path }) => [code, path])).toEqual([
      ['parameter-kind-conflict', 'rules[1].fences[0].with.who'],
    ])
  })

  it('a value that the column cannot have, in an event or a condition', async () => {
    await sql('create table members (id int primary key, organization_id bigint not null, status boolean)')
    await sql('alter table members replica identity full')
    const comparing = (organizationId: string | number) =>
      catalogOf({
        members: { events: { 'member.left': { column: 'status', becomes: 'left' } } },
        rules: [{ on: { table: 'public.members', where: { organizationId } }, fences: [{ template: 'profile' }] }],
      })
    expect(codes((await verdictOn(comparing('none'))).faults)).toEqual(['value-of-other-type', 'value-of-other-type'])
    expect(codes((await verdictOn(comparing(7))).faults)).toEqual(['value-of-other-type'])
  })
})

describe('two catalogs', () => {
  beforeEach(async () => {
    await sql('create table members (id int primary key, organization_id int not null, status text)')
    await sql('alter table members replica identity full')
  })

  it('agree on entity, key and events of a table', async () => {
    const event = { 'member.left': { column: 'status', becomes: 'left' } }
    const first = catalogOf({ members: { events: event } })
    const otherwise = { 'member.left': { column: 'status', becomes: 'gone' } }
    const second = catalogOf({ owner: 'other', members: { key: ['organizationId'], events: otherwise } })
    expect(codes((await verdictOn(second, [first])).faults)).toEqual(['key-conflict', 'event-conflict'])
    const third = catalogOf({ owner: 'other', members: { entity: 'person' } })
    expect(codes((await verdictOn(third, [first])).faults)).toEqual(['entity-conflict'])
    expect((await verdictOn(catalogOf({ owner: 'other', members: { events: event } }), [first])).faults).toEqual([])
  })

  it('of two owners do not declare the same keys, whatever they call the parameters', async () => {
    const first = catalogOf({
      owner: 'first',
      templates: { card: { template: 'member:{id}:card', ttl: '1h' } },
      rules: [],
    })
    const templates = {
      card: { template: 'member:{memberId}:card', ttl: '2h' },
      badge: { template: 'member:{memberId}:badge', ttl: '2h' },
    }
    const { faults } = await verdictOn(catalogOf({ owner: 'second', templates, rules: [] }), [first])
    expect(faults).toMatchObject([{ code: 'template-conflict', path: 'templates.card.template' }])
    expect(faults[0]?.message).toContain('template "card" of catalog first@1')
    const next = catalogOf({ owner: 'first', version: '2', templates, rules: [] })
    expect((await verdictOn(next, [first])).faults).toEqual([])
  })

  it('do not declare a partition and its root', async () => {
    await sql('create table roster (id int primary key) partition by range (id)')
    await sql('create table roster_low partition of roster for values from (0) to (9)')
    const one = (table: string, owner: string) =>
      catalogOf({ owner, rules: [], tables: { [table]: { entity: 'roster', key: ['id'], columns: { id: 'id' } } } })
    const { faults } = await verdictOn(one('public.roster_low', 'a'), [one('public.roster', 'b')])
    expect(codes(faults)).toEqual(['leaf-and-root'])
  })

  it('are watched as one', async () => {
    const event = { 'member.left': { column: 'status', becomes: 'left' } }
    const first = catalogOf({
      members: {
        columns: { id: 'id', state: 'status' },
        events: { 'member.left': { column: 'state', becomes: 'left' } },
      },
    })
    const second = catalogOf({ owner: 'other', members: { events: event } })
    const { tables: watched, entities } = watchedTablesOf([first, second], await factsOf())
    expect(entities).toEqual(['member'])
    expect(watched.get('public.members')).toEqual({
      table: 'public.members',
      entity: 'member',
      keyColumns: ['id'],
      watchedColumns: ['id', 'organization_id', 'status'],
      oldColumns: ['id', 'organization_id', 'status'],
      partitioned: false,
      events: [
        {
          name: 'member.left',
          column: 'status',
          becomes: 'left',
          values: { id: 'id', state: 'status', organizationId: 'organization_id', status: 'status' },
        },
      ],
      appendOnly: false,
    })
  })
})

it('a rule needs old columns only where it acts on updates or deletes', () => {
  const [demand] = demandsOf(catalogOf(byOrganization).json)
  expect(demand?.old.map(({ column }) => column)).toEqual(['organization_id'])
  const inserts = byOrganization.rules.map((rule) => ({
    ...rule,
    on: { table: 'public.members', operations: ['insert' as const] },
  }))
  expect(demandsOf(catalogOf({ ...byOrganization, rules: inserts }).json)[0]).toMatchObject({
    old: [],
    updates: undefined,
  })
})
