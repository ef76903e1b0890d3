import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loaders } from '../src/loaders.js'
import { applySchema } from '../src/schema.js'
import { seed } from '../src/seed.js'
import { openDatabase, type Database } from './database.js'

let database: Database
let load: ReturnType<typeof loaders>

beforeAll(async () => {
  database = await openDatabase({ members: 40, payments: 200, organizations: 4 })
  load = loaders(database)
}, 60_000)
afterAll(() => database.close())

describe('the loaders', () => {
  it('show a member with texts that no number type can bend', async () => {
    expect(await load.profile({ id: 7 })).toEqual({
      id: '7',
      organizationId: '4',
      name: 'Member 7',
      email: 'member-7@example.org',
      status: 'active',
      joinedOn: '2020-02-19',
    })
    expect(await load.profile({ id: '999' })).toBeNull()
  })

  it('balance exactly the completed payments, by currency', async () => {
    const expected = await database.exec(
      `select currency, sum(amount)::text as amount from payments where member_id = 1 and status = 'completed' group by 1 order by 1`,
    )
    expect(expected.length).toBeGreaterThan(0)
    expect(await load.balance({ id: '1' })).toEqual({ memberId: '1', completed: expected })
  })

  it('give a member without payments an empty balance, and a missing member none', async () => {
    await database.exec(
      `insert into members (id, organization_id, name, email) values (500, 9, 'New', 'new@example.org')`,
    )
    expect(await load.balance({ id: 500n })).toEqual({ memberId: '500', completed: [] })
    expect(await load.balance({ id: 501 })).toBeNull()
  })

  it('cut lists into pages that neither overlap nor leave anyone out', async () => {
    const seen: string[] = []
    for (let page = 1, more = true; more; page++) {
      const result = await load.list({ query: { status: 'active', page, limit: 7 } })
      seen.push(...result.items.map((member) => member.id))
      more = result.more
    }
    const all = await database.exec(`select id::text as id from members where status = 'active' order by members.id`)
    expect(seen).toEqual(all.map((row) => 'id' in row && row.id))
  })

  it('filter members by organisation and part of a name, taking % and _ literally', async () => {
    expect(
      (await load.list({ query: { organizationId: '2', search: 'MEMBER 1' } })).items.map((member) => member.id),
    ).toEqual(['1', '13', '17'])
    expect((await load.list({ query: { search: '%' } })).items).toEqual([])
    expect((await load.ofOrg({ organizationId: 2, query: { limit: 2 } })).items.map((member) => member.id)).toEqual([
      '1',
      '5',
    ])
  })

  it('list transactions newest first, with instants in UTC whatever the session says', async () => {
    await database.exec(`set time zone 'Asia/Tokyo'`)
    const { items } = await load.transactions({ id: 3, query: { status: 'completed', limit: 100 } })
    await database.exec(`set time zone 'UTC'`)
    expect(items.length).toBeGreaterThan(0)
    expect(items).toEqual((await load.transactions({ id: 3, query: { status: 'completed', limit: 100 } })).items)
    expect([...items].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))).toEqual(items)
    expect(items[0]?.createdAt).toMatch(/^2025-\d\d-\d\dT\d\d:\d\d:00\.000000Z$/)
  })

  it.each(['day', 'month', 'method', 'currency'] as const)('sum the same revenue by %s', async (groupBy) => {
    const { rows } = await load.revenue({ query: { from: '2025-01-01', to: '2026-01-01', groupBy } })
    const cents = rows.reduce((sum, row) => sum + Math.round(Number(row.amount) * 100), 0)
    const [truth] = await database.exec(
      `select (sum(amount) * 100)::int as cents from payments where status = 'completed'`,
    )
    expect({ cents }).toEqual(truth)
    expect(new Set(rows.map((row) => `${row.group} ${row.currency}`)).size).toBe(rows.length)
  })

  it('refuse a query that is not of their schema', async () => {
    await expect(load.list({ query: { colour: 'red' } })).rejects.toThrow('colour')
    await expect(load.revenue({ query: { from: '2025-02-01', to: '2025-02-01' } })).rejects.toThrow('after from')
  })
})

describe('schema and seed', () => {
  it('change nothing when they run again', async () => {
    const rows = () =>
      database.exec('select (select count(*) from members) as members, (select count(*) from payments) as payments')
    const before = await rows()
    await applySchema(database)
    await seed(database, { members: 40, payments: 200, organizations: 4 })
    expect(await rows()).toEqual(before)
    expect(
      await database.exec(
        `insert into members (organization_id, name, email) values (1, 'Next', 'next@example.org') returning id::int`,
      ),
    ).toEqual([{ id: 501 }])
  })

  it('log the old value of each column that rules rest on with every update', async () => {
    const identities = await database.exec(`
      select c.relname::text as table, array_agg(a.attname::text order by a.attnum) as columns
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
      where i.indisreplident and c.relreplident = 'i' group by 1 order by 1`)
    expect(identities).toEqual([
      { table: 'members', columns: ['id', 'organization_id'] },
      { table: 'payments', columns: ['id', 'member_id', 'amount', 'currency', 'status'] },
    ])
  })
})
