import { plan } from '@freshet/planner/testing'
import { expect, it } from 'vitest'
import { ordersCatalog } from './catalog.ts'

it('an order whose number is changed fences the old and the new one', () => {
  const { fences } = plan(ordersCatalog, { table: 'public.orders', update: { old: { id: 7 }, new: { id: 8 } } })
  expect(fences).toEqual(['order:7', 'order:8'])
})
