import { catalog, key, table } from '@freshet/catalog'

export interface Order {
  readonly id: number
  readonly total: string
}

export const keys = { order: key('order:{id}', { ttl: '1h' }).returns<Order | null>() }

const orders = table('public.orders', { entity: 'order', key: ['id'], columns: { id: 'id' } })

export const ordersCatalog = catalog('orders', {
  version: '1',
  keys,
  rules: [orders.any.fences((order) => [keys.order.of({ id: order.id })])],
})
