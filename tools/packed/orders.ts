// A service of its own, as a newcomer writes it: a table, a key, a rule.
import { catalog, key, table, wildcard } from '@freshet/catalog'

export interface Order {
  readonly id: number
  readonly total: string
}

export const keys = {
  order: key('order:{id}', { ttl: '1h' }).returns<Order | null>(),
  ofCustomer: key('customer:{customerId}:orders:{query}', { ttl: '10m' }).returns<readonly Order[]>(),
}

const orders = table('public.orders', {
  entity: 'order',
  key: ['id'],
  columns: { id: 'id', customerId: 'customer_id', status: 'status' },
  events: { 'order.paid': { column: 'status', becomes: 'paid' } },
})

export const ordersCatalog = catalog('orders', {
  version: '1',
  keys,
  rules: [
    orders.any.fences((order) => [
      keys.order.of({ id: order.id }),
      wildcard('customer:{customerId}:orders:*', { customerId: order.customerId }),
    ]),
  ],
})
