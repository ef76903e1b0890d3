import { CatalogRefusedError, createCache, type Cache, type Reading } from '@freshet/cache'
import { catalogFromJson, type Catalog } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { eventually } from '@freshet/testing/live'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openInForce } from '../src/fencing/clients.js'
import { freshetCommand } from '../src/freshet-command.js'

let system: System
let pool: pg.Pool
let gadgets: Cache
let widgets: Cache

/** A service of one table, `<thing>s`. */
const catalogOf = (thing: string, change: Record<string, unknown> = {}): Catalog =>
  catalogFromJson({
    format: 1,
    owner: `${thing}s`,
    version: '1',
    tables: { [`public.${thing}s`]: { entity: thing, key: ['id'], columns: { id: 'id' } } },
    templates: { price: { template: `${thing}:{id}`, ttl: '1h' } },
    rules: [{ on: { table: `public.${thing}s` }, fences: [{ key: 'price', with: { id: 'id' } }] }],
    ...change,
  })

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 4 })
  await pool.query(`
    create table gadgets (id int primary key, price int not null);
    create table widgets (id int primary key, price int not null);
    insert into gadgets values (1, 10), (2, 10);
    insert into widgets values (1, 10), (2, 10)`)
  gadgets = await openInForce(system, catalogOf('gadget'))
  widgets = await openInForce(system, catalogOf('widget'))
})
afterAll(async () => {
  await Promise.all([gadgets?.close(), widgets?.close()])
  await pool?.end()
  await system?.stop()
})

const read = (cache: Cache, table: 'gadgets' | 'widgets', id = 1): Promise<Reading<unknown>> =>
  cache.read(cache.key('price', { id }), async () => {
    const { rows } = await pool.query<{ price: number }>(`select price from ${table} where id = $1`, [id])
    return rows[0]?.price
  })
const setPrice = (table: string, price: number, id = 1) =>
  pool.query(`update ${table} set price = $1 where id = $2`, [price, id])
const published = async () =>
  (await pool.query<{ tablename: string }>(`select tablename from pg_publication_tables`)).rows.map(
    ({ tablename }) => tablename,
  )
const freshet = (...argv: string[]) => freshetCommand(argv, system.environment)
const stateOf = async (owner: string): Promise<unknown> => {
  const listed = JSON.parse(await freshet('catalog', 'list', '--json')) as { owner: string; state: string }[]
  return listed.find((one) => one.owner === owner)?.state
}

it('a retired catalog leaves nothing stale in a client that still runs with it, and no other layer turns blind', async () => {
  await eventually(async () => (await read(gadgets, 'gadgets')).layer, 'l1')
  await eventually(async () => (await read(widgets, 'widgets')).layer, 'l1')
  expect(await stateOf('gadgets')).toBe('in-force')

  expect(await freshet('catalog', 'retire', 'gadgets@1', '--yes')).toContain('gadgets@1 is retired since LSN')
  expect(await stateOf('gadgets')).toBe('retired')
  await setPrice('gadgets', 11)
  await eventually(async () => (await read(gadgets, 'gadgets')).layer, 'source')
  expect(await read(gadgets, 'gadgets')).toMatchObject({ value: 11, vouched: false, missed: 'not-in-force' })
  await eventually(published, ['widgets'])

  await eventually(() => widgets.health(), { inForce: true, l1: 'sighted', l2: 'sighted' })
  const token = await widgets.token()
  await eventually(async () => (await widgets.read(widgets.key('price', { id: 2 }), load2, { token })).layer, 'l1')
  await setPrice('widgets', 12, 2)
  await eventually(async () => (await read(widgets, 'widgets', 2)).value, 12)
})

const load2 = async (): Promise<unknown> =>
  (await pool.query<{ price: number }>('select price from widgets where id = 2')).rows[0]?.price

it('the same catalog registered again comes back, without what was stored before', async () => {
  await setPrice('gadgets', 20)
  await gadgets.register()
  await gadgets.inForce()
  await eventually(async () => (await read(gadgets, 'gadgets')).vouched, true)
  expect((await read(gadgets, 'gadgets')).value).toBe(20)
  await setPrice('gadgets', 21)
  await eventually(async () => (await read(gadgets, 'gadgets')).value, 21)
})

it('other content under a version in force is refused, also after a restart of the listener, and the old goes on', async () => {
  const other = catalogOf('widget', { templates: { cost: { template: 'widget:{id}:cost', ttl: '1h' } }, rules: [] })
  const { redisUrl: redis, postgresUrl: url, kafkaBrokers } = system.stack
  const challenger = await createCache({
    catalog: other,
    redis,
    postgres: { url },
    kafka: { brokers: [kafkaBrokers] },
    l1: false,
  })
  try {
    await expect(challenger.register()).rejects.toThrow(CatalogRefusedError)
  } finally {
    await challenger.close()
  }
  await system.services.listener.kill('SIGKILL')
  await system.services.listener.start()
  await system.services.listener.ready()
  expect(await stateOf('widgets')).toBe('in-force')
  await eventually(async () => (await read(widgets, 'widgets')).layer, 'l1')
  await setPrice('widgets', 30)
  await eventually(async () => (await read(widgets, 'widgets')).value, 30)
  expect((await published()).sort()).toEqual(['gadgets', 'widgets'])
})
