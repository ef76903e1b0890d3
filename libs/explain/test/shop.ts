import { catalog, derived, key, table, wildcard } from '@freshet/catalog'

export const keys = {
  balance: key('customer:{id}:balance', { ttl: '1h' }),
  sales: key('customer:{id}:sales:{query}', { ttl: '1h' }),
  statement: key('statement:{of}', { ttl: '1h' }),
}
const sales = table('public.sales', {
  entity: 'sale',
  key: ['id'],
  columns: { id: 'id', customerId: 'customer_id', status: 'status' },
  events: { 'sale.paid': { column: 'status', becomes: 'paid' } },
})
const customers = table('public.customers', { entity: 'customer', key: ['id'], columns: { id: 'id' } })

/** Customers and what they bought. */
export const shop = catalog('shop', {
  version: '1',
  keys,
  rules: [
    sales.any.fences((sale) => [keys.balance.of({ id: sale.customerId })]),
    sales.event('sale.paid').fences((sale) => [wildcard('customer:{id}:sales:*', { id: sale.customerId })]),
    customers.any.fences((customer) => [wildcard('customer:{id}:*', { id: customer.id })]),
  ],
  derivations: [derived(keys.statement, { from: keys.balance, with: { of: 'id' } })],
})
