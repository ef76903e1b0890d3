import { expect, it } from 'vitest'
import { sqlLoadOf, validateCatalog } from '@freshet/catalog'

const catalogWith = (sql: string, returns = 'row') => ({
  format: 1,
  owner: 'shop',
  version: '1',
  tables: { 'public.items': { entity: 'item', key: ['id'], columns: { id: 'id' } } },
  templates: { price: { template: 'item:{id}:price:{query}', ttl: '1h', load: { sql, returns } } },
  rules: [{ on: { table: 'public.items' }, fences: [{ wildcard: 'item:{id}:*', with: { id: 'id' } }] }],
})

function judged(sql: string, returns?: string): readonly string[] {
  const result = validateCatalog(catalogWith(sql, returns))
  return (result.catalog ? result.warnings : result.faults).map(
    ({ code, path, message, fix }) => `${code} ${path}: ${message}; ${fix ?? ''}`,
  )
}

it('parameters are bound by number, each once, and never written into the text', () => {
  expect(sqlLoadOf({ sql: 'select {id}::int8, {query}::jsonb, {id}', returns: 'row' })).toEqual({
    text: 'select $1::int8, $2::jsonb, $1',
    parameters: ['id', 'query'],
    returns: 'row',
  })
})

it('what stands in quotes or comments is left as it is', () => {
  const sql = `select '{id}', '{}'::jsonb, 'it''s {id}', "{id}", $$ {id} $$, $q$ {id} $q$ -- {id}\n /* {id} */ from items where id = {id}`
  expect(sqlLoadOf({ sql, returns: 'row' })).toMatchObject({ text: sql.replace(/\{id\}$/, '$1'), parameters: ['id'] })
})

it('a query that uses all parameters has no fault', () => {
  expect(judged(`with p as (select 1) select {id}, ';', {query}::jsonb from p;`)).toEqual([])
  expect(judged('( SELECT {id}, {query} )', 'rows')).toEqual([])
})

it.each([
  [
    'select {Id}, {id}, {query}',
    /^load-parameter-unknown templates\.price\.load\.sql: \{Id\} is no parameter of .*; did you mean "id"\?/,
  ],
  ['select {id}, {query}; drop table items', /^load-no-query .* more than one statement/],
  [
    'delete from items where id = {id} or {query} is null',
    /^load-no-query .* does not begin as a query does; begin with select/,
  ],
  [
    'select {id}',
    /^load-parameter-unused .*: \{query\} of "item:\{id\}:price:\{query\}" is not in it: keys that differ by it/,
  ],
  ['', /^malformed templates\.price\.load\.sql/],
])('%j is told of', (sql, told) => {
  expect(judged(sql)[0]).toMatch(told)
})

it('what it returns is one of three', () => {
  expect(judged('select {id}, {query}', 'table')[0]).toMatch(/^malformed templates\.price\.load\.returns/)
})
