import type { BoundParameters } from '@freshet/cache-keys'
import { catalogFromJson } from '@freshet/catalog'
import { startPostgresPair, type PostgresPair } from '@freshet/local-stack'
import { createPool } from '@freshet/postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { registerSqlLoaders } from '../src/loader-module.js'

let pair: PostgresPair
let pool: ReturnType<typeof createPool>
beforeAll(async () => {
  pair = await startPostgresPair()
  pool = createPool({ url: pair.primaryUrl, applicationName: 'sql-loaders-test', max: 2 })
  await pool.query(`
    create table items (id int8 primary key, price int not null, name text not null);
    insert into items values (1, 10, 'one'), (2, 20, '{id}');
    create sequence numbers`)
}, 60_000)
afterAll(async () => {
  await pool?.end()
  await pair?.stop()
})

/** What the loader of a template of this SQL gives for a key. */
async function loaded(sql: string, returns: string, parameters: BoundParameters = {}): Promise<unknown> {
  const text = `item:${Object.keys(parameters)
    .map((name) => `{${name}}`)
    .join(':')}`
  const catalog = catalogFromJson({
    format: 1,
    owner: 'shop',
    version: '1',
    tables: {},
    templates: {
      item: { template: text === 'item:' ? 'items' : text, ttl: '1h', load: { sql, returns } },
      other: { template: 'other:{id}', ttl: '1h' },
    },
    rules: [],
  })
  let load: ((parameters: BoundParameters) => unknown) | undefined
  const names = registerSqlLoaders({ loader: (_: unknown, given: never) => void (load = given) }, catalog, pool)
  expect(names).toEqual(['item'])
  return load?.(parameters)
}

it('a value is the first row, all rows, or the first column of the first row', async () => {
  expect(await loaded('select price, name from items where id = {id}', 'row', { id: '1' })).toEqual({
    price: 10,
    name: 'one',
  })
  expect(await loaded('select price from items where id = {id}', 'row', { id: 9n })).toBeNull()
  expect(await loaded('select id from items order by id', 'rows')).toEqual([{ id: '1' }, { id: '2' }])
  expect(await loaded('select sum(price)::int from items', 'value')).toBe(30)
  expect(await loaded('select null', 'value')).toBeNull()
})

it('whatever a parameter holds, it is a value and no SQL', async () => {
  const hostile = `1'; drop table items; --`
  expect(await loaded('select {name} as name', 'value', { name: hostile })).toBe(hostile)
  expect(await loaded(`select id from items where name = {name}`, 'rows', { name: `' or true --` })).toEqual([])
  expect(await loaded(`select name from items where name = '{id}' and id = {id}`, 'value', { id: 2 })).toBe('{id}')
})

it('a query is bound by its names and values', async () => {
  const sql = `select id from items where price > ({query}::jsonb ->> 'over')::int order by id`
  expect(await loaded(sql, 'rows', { query: { over: 15 } })).toEqual([{ id: '2' }])
})

it('nothing can be written, and nothing can leave the read-only transaction', async () => {
  await expect(loaded(`select nextval('numbers')`, 'value')).rejects.toThrow('read-only transaction')
  await expect(loaded(`with gone as (delete from items returning id) select * from gone`, 'rows')).rejects.toThrow(
    'read-only transaction',
  )
  await expect(loaded('select 1 from (values (1)) as v', 'value')).resolves.toBe(1)
  // validation would refuse it; without the extended protocol it would commit, and then create
  await expect(loadedUnchecked('select 1; commit; create table leaked (id int); select 2')).rejects.toThrow(
    'cannot insert multiple commands',
  )
  expect((await pool.query(`select to_regclass('leaked') as leaked`)).rows).toEqual([{ leaked: null }])
})

it('a query that fails gives its connection back, clean', async () => {
  for (let at = 0; at < 5; at++) await expect(loaded('select 1 / 0', 'value')).rejects.toThrow('division by zero')
  expect(await loaded('select 1', 'value')).toBe(1)
  expect(pool.idleCount).toBe(pool.totalCount)
})

async function loadedUnchecked(sql: string): Promise<unknown> {
  let load: ((parameters: BoundParameters) => unknown) | undefined
  const json = { templates: { item: { template: 'items', ttl: '1h', load: { sql, returns: 'value' } } } }
  registerSqlLoaders({ loader: (_: unknown, given: never) => void (load = given) }, { json } as never, pool)
  return load?.({})
}
