import { parseTemplate } from '@freshet/cache-keys'
import { catalogFromJson, type CatalogJson } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { keySourceOf } from '../src/warm/key-source.js'

const shop = (change: Partial<CatalogJson> = {}) =>
  catalogFromJson({
    format: 1,
    owner: 'shop',
    version: '1',
    tables: {
      'public.customers': { entity: 'customer', key: ['id'], columns: { id: 'id', region: 'Region' } },
      'public.sales': { entity: 'sale', key: ['id'], columns: { id: 'id', customerId: 'customer_id' } },
      'public.visits': { entity: 'visit', key: ['id'], columns: { id: 'id', guest: 'customer_id' } },
    },
    templates: {
      customer: { template: 'customer:{customer}:profile', ttl: '1h' },
      orders: { template: 'orders:{customerId}', ttl: '1h' },
      total: { template: 'total:{of}', ttl: '1h' },
      region: { template: 'region:{name}:summary', ttl: '1h' },
      list: { template: 'sales:list:{query}', ttl: '1h' },
      everything: { template: 'shop:everything', ttl: '1h' },
      other: { template: 'other:{id}:thing', ttl: '1h' },
    },
    rules: [
      {
        on: { table: 'public.customers' },
        fences: [
          { wildcard: 'customer:{id}:*', with: { id: 'id' } },
          { key: 'region', with: { name: 'region' } },
          { template: 'other' },
        ],
      },
      {
        on: { table: 'public.sales' },
        fences: [
          { key: 'customer', with: { customer: 'customerId' } },
          { key: 'orders', with: { customerId: 'customerId' } },
          { wildcard: 'sales:list:*', with: {} },
        ],
      },
      { on: { table: 'public.visits' }, fences: [{ key: 'orders', with: { customerId: 'guest' } }] },
    ],
    derivations: [{ template: 'total', from: 'orders', with: { of: 'customerId' } }],
    ...change,
  })

function sourceOf(name: string, list?: Parameters<typeof keySourceOf>[2]) {
  const catalog = shop()
  const template = parseTemplate(catalog.json.templates[name]?.template ?? '')
  return keySourceOf(catalog, { owner: 'shop', name, template }, list)
}

it('keys come from the table whose primary key they are, also where others name them too, and by a wildcard', () => {
  expect(sourceOf('customer')).toEqual({
    from: 'public.customers (id)',
    sql: 'select "id"::text as "customer" from "public"."customers" where "id" is not null',
  })
})

it('without such a table they are what all tables name, each once', () => {
  expect(sourceOf('orders')).toEqual({
    from: 'public.sales (customer_id) and public.visits (customer_id)',
    sql:
      'select distinct "customer_id"::text as "customerId" from "public"."sales" where "customer_id" is not null\nunion\n' +
      'select distinct "customer_id"::text as "customerId" from "public"."visits" where "customer_id" is not null',
  })
  expect(sourceOf('region')).toMatchObject({ sql: expect.stringContaining('"Region"::text as "name"') as string })
})

it('keys of a derived template come from where those do that it is derived from', () => {
  expect(sourceOf('total')).toMatchObject({
    from: 'public.sales (customer_id) and public.visits (customer_id)',
    sql: expect.stringContaining('"customer_id"::text as "of" from "public"."sales"') as string,
  })
})

it('a table of another database is not asked: its keys have to be listed', () => {
  const { json } = shop()
  const elsewhere = Object.entries(json.tables).map(([name, table]) => [
    name,
    {
      ...table,
      from: { debezium: `shop.${name}`, types: { id: 'int8', region: 'text', customerId: 'int8', guest: 'int8' } },
    },
  ])
  const catalog = { ...shop(), json: { ...json, tables: Object.fromEntries(elsewhere) as typeof json.tables } }
  const template = parseTemplate('customer:{customer}:profile')
  expect(keySourceOf(catalog, { owner: 'shop', name: 'customer', template })).toHaveProperty('reason')
})

it('a template without parameters has one key', () => {
  expect(sourceOf('everything')).toMatchObject({ from: 'its only key' })
})

it('what cannot be listed says why, and how it could be', () => {
  expect(sourceOf('list')).toEqual({
    reason: expect.stringMatching(
      /^\{query\} can be anything; .* export const keyLists = \{ list: `select '\{\}'::jsonb as query from …` \}$/,
    ) as string,
  })
  expect(sourceOf('other')).toEqual({
    reason: expect.stringMatching(/^no rule binds all .*`select … as "id" from …`/) as string,
  })
})

it("a module's list goes before the tables, its columns called as the parameters", () => {
  expect(sourceOf('customer', 'select id as customer from vips; ')).toEqual({
    from: 'keyLists.customer',
    sql: 'select "customer"::text as "customer" from (select id as customer from vips\n) as listed where "customer" is not null',
  })
  expect(sourceOf('list', `select '{}'::json as query`)).toMatchObject({
    sql: expect.stringContaining('"query"::jsonb as "query"') as string,
  })
})
