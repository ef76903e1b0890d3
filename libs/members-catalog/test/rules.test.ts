import { bindKey } from '@freshet/cache-keys'
import { governingTags, type Catalog } from '@freshet/catalog'
import { createPlanner, type Change } from '@freshet/planner'
import { plan } from '@freshet/planner/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { membersCatalog, membersCatalogWithout, seed, type TemplateName } from '../src/index.js'
import { knownKeys, type KnownKey } from '../src/testing.js'
import { openDatabase, type Database } from './database.js'
import { logChanges, roundOf, type Round } from './rounds.js'

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
    const old = { id: '7', memberId: '42', amount: '12.50', currency: 'EUR', status: 'pending' }
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

  it('fences no balance for a payment that is not completed, nor for how a completed one was made', () => {
    const payment = { id: '7', memberId: '42', amount: '12.50', currency: 'EUR', status: 'pending' }
    const fences = (old: typeof payment, now: typeof payment) =>
      plan(membersCatalog, { table: 'public.payments', update: { old, new: now } }).fences
    const completed = { ...payment, status: 'completed' }
    expect(fences(payment, { ...payment, amount: '13.00' })).not.toContain('member:42:balance')
    expect(fences(payment, { ...payment, status: 'failed' })).not.toContain('member:42:balance')
    expect(fences(completed, completed)).not.toContain('member:42:balance')
    for (const change of [{ amount: '13.00' }, { currency: 'USD' }, { status: 'refunded' }, { memberId: '43' }])
      expect(fences(completed, { ...completed, ...change })).toContain('member:42:balance')
  })
})

describe('the rules cover what the loaders read', () => {
  let database: Database
  const size = { members: 6, payments: 30, organizations: 3 }
  beforeAll(async () => {
    database = await openDatabase(size)
    await logChanges(database)
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
        const round = await roundOf(database, watched, sql)
        altered += round.altered.length
        expect(missedBy(membersCatalog, round).map(textOf)).toEqual([])
      }),
      { numRuns: 40 },
    )
    expect(altered).toBeGreaterThan(40) // else nothing was tested
  }, 120_000)

  it('a catalog without rules for one template misses its alterations and what is made of it, and no others', async () => {
    const rounds: Round[] = []
    for (const sql of fc.sample(statement, { numRuns: 30, seed: 7 })) rounds.push(await roundOf(database, watched, sql))
    for (const left of new Set(watched.filter(({ madeOf }) => !madeOf).map(({ template }) => template))) {
      const broken = membersCatalogWithout(left)
      const missed = new Set(rounds.flatMap((round) => missedBy(broken, round)).map(({ template }) => template))
      expect([...missed].sort()).toEqual([left, ...(madeFrom[left] ?? [])].sort())
    }
  }, 120_000)
})

const madeFrom: Readonly<Partial<Record<TemplateName, readonly TemplateName[]>>> = {
  transactions: ['summary', 'statement', 'report'],
  summary: ['statement', 'report'],
  statement: ['report'],
}

const ids = ['1', '2', '3', '4', '5', '6', '7']
const watched = knownKeys({ members: ids, organizations: ['1', '2', '3'] })

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

function tagsOf(catalog: Catalog, { template, parameters, madeOf }: KnownKey): string[] {
  const compiled = catalog.templates.get(template)
  if (compiled === undefined) throw new Error(`no template ${template}`)
  const own = governingTags(compiled, bindKey(compiled.template, parameters)).map((tag) => tag.text)
  return madeOf ? [...own, ...tagsOf(catalog, madeOf)] : own
}

/** Values that the changes altered and that the catalog does not fence. */
function missedBy(catalog: Catalog, { changes, altered }: Round): KnownKey[] {
  const fences = new Set(fencesOf(catalog, ...changes))
  return altered.filter((key) => !tagsOf(catalog, key).some((tag) => fences.has(tag)))
}

const textOf = ({ template, parameters }: KnownKey): string => `${template} ${JSON.stringify(parameters)}`
