import { checkLayer, type System } from '@freshet/demo'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Announcements } from '../src/fencing/announcements.js'
import { AppliedWatch, eventually, writtenUpTo } from '@freshet/testing/live'
import { fillEverywhere, namesMissing, namesOf, type Place } from '../src/fencing/layers.js'
import { startTestSystem } from '../src/test-system.js'

let system: System
let pool: pg.Pool
let watch: AppliedWatch
let announcements: Announcements

beforeAll(async () => {
  system = await startTestSystem({
    members: 0,
    payments: 0,
    apis: 2,
    warmer: false, // it would fill at once what the test wants to see missing
    environment: { FRESHET_DEMO: 'true' },
  })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 4 })
  watch = new AppliedWatch(pool, system.stack.redisUrl)
  announcements = await Announcements.open(system.stack.kafkaBrokers)
  await pool.query(rows)
  await watch.applied()
})

afterAll(async () => {
  await announcements?.close()
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

/** Members 1 and 2 in organisation 1, 3 and 4 in 2, 5 and 6 in 3; two payments each: member 3 has 31 and 32. */
const rows = `
insert into members (id, organization_id, name, email)
  select id, (id + 1) / 2, 'Member ' || id, id || '@example.org' from generate_series(1, 6) as id;
insert into payments (id, member_id, amount, status, created_at)
  select member * 10 + n, member, 10 * n, case n when 1 then 'completed' else 'pending' end, '2025-06-15'
  from generate_series(1, 6) as member, generate_series(1, 2) as n;
`

const page = { page: 1, limit: 20 }
const revenue = { from: '2025-01-01', to: '2026-01-01' }

/** Every kind of value of a member. */
const ofMember = (id: number): readonly Place[] => [
  { key: { template: 'profile', parameters: { id } }, path: `/members/${id}` },
  { key: { template: 'balance', parameters: { id } }, path: `/members/${id}/balance` },
  { key: { template: 'summary', parameters: { memberId: id } }, path: `/members/${id}/summary` },
  { key: { template: 'transactions', parameters: { id, query: page } }, path: `/members/${id}/transactions` },
  {
    key: { template: 'transactions', parameters: { id, query: { ...page, status: 'completed' } } },
    path: `/members/${id}/transactions?status=completed`,
  },
]
const ofOrganization = (organizationId: number): readonly Place[] => [
  {
    key: { template: 'ofOrg', parameters: { organizationId, query: page } },
    path: `/organizations/${organizationId}/members`,
  },
  {
    key: { template: 'ofOrg', parameters: { organizationId, query: { ...page, status: 'left' } } },
    path: `/organizations/${organizationId}/members?status=left`,
  },
]
const lists: readonly Place[] = [
  { key: { template: 'list', parameters: { query: page } }, path: '/members' },
  {
    key: { template: 'list', parameters: { query: { ...page, organizationId: '3' } } },
    path: '/members?organizationId=3',
  },
]
const revenues: readonly Place[] = [
  {
    key: { template: 'revenue', parameters: { query: { ...revenue, groupBy: 'month' } } },
    path: '/reports/revenue?from=2025-01-01&to=2026-01-01',
  },
  {
    key: { template: 'revenue', parameters: { query: { ...revenue, groupBy: 'day' } } },
    path: '/reports/revenue?from=2025-01-01&to=2026-01-01&groupBy=day',
  },
]
/** Computed from summaries: any of them may be in it. A report has no tag of its own; it inherits the statement's. */
const statements: readonly Place[] = [1, 2].flatMap((organizationId): Place[] => [
  {
    key: { template: 'statement', parameters: { query: { organizationId: String(organizationId) } } },
    path: `/organizations/${organizationId}/statement`,
  },
  { key: { template: 'report', parameters: { organizationId } }, path: `/reports/organizations/${organizationId}` },
])
/** What a payment makes wrong: the member's values but the profile. */
const ofPayments = (id: number): readonly Place[] => ofMember(id).filter(({ key }) => key.template !== 'profile')
const members = [1, 2, 3, 4, 5, 6, 60]
const everything = [
  ...members.flatMap(ofMember),
  ...[1, 2, 3, 4].flatMap(ofOrganization),
  ...lists,
  ...revenues,
  ...statements,
]

interface Case {
  readonly change: string
  readonly tags: readonly string[]
  readonly misses: readonly Place[]
}

const paymentOf = (...ids: number[]): Omit<Case, 'change'> => ({
  tags: [
    ...ids.flatMap((id) => [`member:${id}:balance`, `member:${id}:transactions:*`, `summary:${id}`]),
    'reports:revenue:*',
    'statements:*',
  ],
  misses: [...ids.flatMap(ofPayments), ...revenues, ...statements],
})

const memberTags = (id: number): readonly string[] => [
  `member:${id}:*`,
  'members:list:*',
  `summary:${id}`,
  'statements:*',
]
const distinct = (...tags: readonly string[]): readonly string[] => [...new Set(tags)]

const cases: Readonly<Record<string, Case>> = {
  'a renamed member': {
    change: `update members set name = 'Ada' where id = 1`,
    tags: [...memberTags(1), 'organization:1:members:*'],
    misses: [...ofMember(1), ...lists, ...ofOrganization(1), ...statements],
  },
  'a member who moves to another organisation': {
    change: 'update members set organization_id = 2 where id = 1',
    tags: [...memberTags(1), 'organization:1:members:*', 'organization:2:members:*'],
    misses: [...ofMember(1), ...lists, ...ofOrganization(1), ...ofOrganization(2), ...statements],
  },
  'a payment that completes': { change: `update payments set status = 'completed' where id = 32`, ...paymentOf(3) },
  'a new completed payment': {
    change: `insert into payments (id, member_id, amount, status) values (33, 3, 5, 'completed')`,
    ...paymentOf(3),
  },
  'a refund': { change: `update payments set status = 'refunded' where id = 32`, ...paymentOf(3) },
  'a corrected amount': { change: 'update payments set amount = 6 where id = 33', ...paymentOf(3) },
  'a payment that moves to another member': {
    change: 'update payments set member_id = 4 where id = 33',
    ...paymentOf(3, 4),
  },
  'a deleted payment': { change: 'delete from payments where id = 33', ...paymentOf(4) },
  'a payment whose key changes': { change: 'update payments set id = 310 where id = 31', ...paymentOf(3) },
  'a member whose key changes, with all payments': {
    change: 'update members set id = 60 where id = 6',
    tags: distinct(...memberTags(6), ...memberTags(60), 'organization:3:members:*', ...paymentOf(6, 60).tags),
    misses: [...ofMember(6), ...ofMember(60), ...lists, ...ofOrganization(3), ...revenues, ...statements],
  },
  'two members in one transaction': {
    change: `begin; update members set name = 'Eve' where id = 2; update payments set amount = 7 where id = 41; commit`,
    tags: distinct(...memberTags(2), 'organization:1:members:*', ...paymentOf(4).tags),
    misses: [...ofMember(2), ...lists, ...ofOrganization(1), ...ofPayments(4), ...revenues, ...statements],
  },
  'a rollback': {
    change: `begin; update members set organization_id = 4 where id = 2; delete from payments; rollback`,
    tags: [],
    misses: [],
  },
  'TRUNCATE of all payments': {
    change: 'truncate payments',
    tags: [
      '*member:{id}:balance',
      '*member:{id}:transactions:{query}',
      '*reports:revenue:{query}',
      '*statements:{query}',
      '*summary:{memberId}',
    ],
    misses: [...members.flatMap(ofPayments), ...revenues, ...statements],
  },
}

it.for(Object.entries(cases))(
  '%s fences exactly what it makes wrong, in every layer',
  async ([, { change, tags, misses }]) => {
    await fillEverywhere(system.apis, everything)
    await announcements.take(await writtenUpTo(pool))
    await pool.query(change)
    await watch.applied()
    expect(await announcements.take(await writtenUpTo(pool))).toEqual([...tags].sort())
    for (const { url } of system.apis) {
      await eventually(() => namesMissing(url, 'l1', everything), namesOf(misses))
      await eventually(() => namesMissing(url, 'l2', everything), namesOf(misses)) // a busy machine is blind for a moment
    }
    await fillEverywhere(system.apis, everything)
    for (const { url } of system.apis)
      for (const layer of ['l1', 'l2'] as const) {
        const { checked, stale } = await checkLayer(
          url,
          layer,
          everything.map(({ key }) => key),
          0,
          pool,
        )
        expect({ checked, stale }).toEqual({ checked: everything.length, stale: [] })
      }
  },
)

const chain = [
  ['summary', 'of transactions, under another name', ofMember(3).filter(({ key }) => key.template === 'summary')],
  ['statement', 'of summaries, no one can tell of which', statements.filter(({ key }) => key.template === 'statement')],
  ['report', 'of a statement that its loader reads', statements.filter(({ key }) => key.template === 'report')],
] as const

it.for(chain)('a payment makes a %s stale in every layer, which is made %s', async ([, , places]) => {
  await fillEverywhere(system.apis, everything)
  await pool.query(`insert into payments (member_id, amount, status) values (3, 5, 'completed')`)
  await watch.applied()
  for (const { url } of system.apis) {
    await eventually(() => namesMissing(url, 'l1', places), namesOf(places))
    await eventually(() => namesMissing(url, 'l2', places), namesOf(places))
  }
})
