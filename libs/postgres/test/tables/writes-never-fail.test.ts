import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { describeTables } from '../../src/tables/describe.js'
import { alterPublications, readPublications } from '../../src/tables/publication.js'
import { planPublications, publicationNames } from '../../src/tables/publication-plan.js'
import { oldColumnsOf, publishable } from '../../src/tables/publishable.js'
import { startPostgres, type PostgresServer } from './postgres-server.js'
import { ddl, nameOf, shapes, writes, type Shape } from './table-shapes.js'

// Each test talks to a real server, on a machine that does other things too.
vi.setConfig({ testTimeout: 30_000 })

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.stop())

const mark = 'Managed by Freshet, namespace test'

async function publish(publication: string, tables: readonly string[]): Promise<void> {
  const facts = await describeTables(server.pool, tables)
  const wanted = facts.flatMap((table) => {
    const { publish } = publishable(table)
    return publish === 'nothing' ? [] : [[table.name, publish] as const]
  })
  const existing = await readPublications(server.pool, publicationNames(publication))
  const plan = planPublications({ name: publication, mark, version: 18, tables: new Map(wanted) }, existing)
  expect(plan.faults).toEqual([])
  await alterPublications(server.pool, plan.statements, { stillHolds: async () => true })
}

async function failures(table: string, shape: Shape): Promise<string[]> {
  const failed: string[] = []
  for (const write of writes(table, shape)) {
    await server.pool.query(write).catch((error: unknown) => failed.push(`${write}: ${String(error)}`))
  }
  return failed
}

describe('a write that worked before works with the publication, and after it is dropped', () => {
  it.each(shapes.map((shape, number) => ({ name: nameOf(shape), shape, number })))(
    '$name',
    async ({ shape, number }) => {
      const [table, publication] = [`shape_${number}`, `publication_${number}`]
      for (const statement of ddl(table, shape)) await server.pool.query(statement)
      expect(await failures(table, shape), 'before').toEqual([])
      await publish(publication, [`public.${table}`])
      expect(await failures(table, shape), 'published').toEqual([])
      if (shape.layout === 'partitioned') {
        await server.pool.query(`create table ${table}_later partition of ${table} for values from (200) to (300)`)
        const later = [`insert into ${table} (id, code) values (210, 1)`, `update ${table} set id = 211 where id = 210`]
        for (const write of [...later, `delete from ${table} where id = 211`]) await server.pool.query(write)
      }
      for (const name of publicationNames(publication)) await server.pool.query(`drop publication ${name}`)
      expect(await failures(table, shape), 'dropped').toEqual([])
    },
  )
})

it('the same writes do fail for some of the shapes when all actions are published, so the tables above can fail', async () => {
  const failing: string[] = []
  for (const [number, shape] of shapes.entries()) {
    await server.pool.query(`create publication naive for table shape_${number}`)
    if ((await failures(`shape_${number}`, shape)).length > 0) failing.push(nameOf(shape))
    await server.pool.query('drop publication naive')
  }
  expect(failing.length).toBeGreaterThan(20)
  const facts = await describeTables(
    server.pool,
    shapes.map((_shape, number) => `public.shape_${number}`),
  )
  const published = facts.filter((table) => publishable(table).publish === 'all')
  expect(published.length).toBeGreaterThan(10)
})

it('knows which old columns a replica identity gives', async () => {
  const old = async (shape: Shape): Promise<string[]> => {
    const number = shapes.findIndex((other) => nameOf(other) === nameOf(shape))
    const [facts] = await describeTables(server.pool, [`public.shape_${number}`])
    if (facts === undefined) throw new Error(`no table for ${nameOf(shape)}`)
    return [...oldColumnsOf(facts)].sort()
  }
  const plain = { layout: 'plain', key: 'primary key', identity: 'default', generated: 'stored' } as const
  expect(await old(plain)).toEqual(['id'])
  expect(await old({ ...plain, identity: 'index' })).toEqual(['code', 'id'])
  expect(await old({ ...plain, identity: 'full' })).toEqual(['code', 'id', 'note', 'twice'])
  expect(await old({ ...plain, identity: 'nothing' })).toEqual([])
  expect(await old({ ...plain, key: 'no key' })).toEqual([])
  // The leaf that came later has the root's key only.
  expect(await old({ ...plain, layout: 'partitioned', identity: 'full' })).toEqual(['id'])
})

it('a temporal primary key is judged as Postgres does', async () => {
  await server.pool.query(`create table stays (room int4range, during daterange, note text,
    primary key (room, during without overlaps))`)
  const stay = `('[1,2)', '[2026-01-01,2026-02-01)')`
  const run = async (): Promise<void> => {
    await server.pool.query(`insert into stays values ${stay}`)
    await server.pool.query(`update stays set note = 'x'`)
    await server.pool.query('delete from stays')
  }
  await run()
  await publish('temporal', ['public.stays'])
  await run()
})
