import { plan } from '@freshet/planner/testing'
import { expect, it } from 'vitest'
import { ordersCatalog } from './orders.js'

it('an order that moves fences both customers', () => {
  const { fences } = plan(ordersCatalog, {
    table: 'public.orders',
    update: { old: { id: 7, customerId: 1, status: 'new' }, new: { id: 7, customerId: 2, status: 'new' } },
  })
  expect(fences).toEqual(['customer:1:orders:*', 'customer:2:orders:*', 'order:7'])
})
