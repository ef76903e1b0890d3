import { undeclaredIn } from '@freshet/explain'
import { expect, it } from 'vitest'
import { shop } from './shop.js'

it('what a change names and no catalog declares is told with its place, all of it at once', () => {
  const faults = undeclaredIn(
    [shop],
    [
      { table: 'public.sales', update: { old: { id: 1, custmerId: 2 }, new: { id: 1, state: 'paid' } } },
      { table: 'public.sale', truncate: true },
      { table: 'public.customers', delete: { id: 1 } },
      { event: 'sale.voided', parameters: {} },
    ],
  )
  expect(faults.map(({ field }) => field)).toEqual([
    '0.update.old.custmerId',
    '0.update.new.state',
    '1.table',
    '3.event',
  ])
  expect(faults[2]?.detail).toBe(
    'no catalog declares the table "public.sale"; declared are: public.sales, public.customers',
  )
})

it('a column that another catalog declares is declared', () => {
  const other = {
    ...shop,
    json: {
      ...shop.json,
      tables: { 'public.sales': { entity: 'sale', key: ['id'], columns: { id: 'id', total: 'total' } } },
    },
  }
  const change = { table: 'public.sales', insert: { id: 1, total: 7, status: 'open' } } as const
  expect(undeclaredIn([shop, other], [change])).toEqual([])
  expect(undeclaredIn([shop], [change]).map(({ field }) => field)).toEqual(['insert.total'])
})
