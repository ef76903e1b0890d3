import { catalog, event, key, table, wildcard } from '@freshet/catalog'

export interface Sale {
  readonly id: string
  readonly customerId: number
  readonly status: string
  readonly total: string
}

// #region keys
export const keys = {
  sale: key('sale:{id}', { ttl: '1h', warm: true }).returns<Sale | null>(),
  receipt: key('sale:{id}:receipt', { ttl: '1h' }).returns<string>(),
  sales: key('customer:{customerId}:sales:{query}', { ttl: '10m' }).returns<readonly Sale[]>(),
  spent: key('customer:{customerId}:spent', { ttl: '1h' }).returns<number>(),
  visits: key('visits:{customerId}', { ttl: '1d' }).returns<number>(),
  unpaid: key('sales:unpaid', { ttl: '5m' }).returns<number>(),
  rate: key('rate:{currency}', { ttl: '1m', exact: true }).returns<number>(),
}
// #endregion

// #region tables
const customers = table('shop.customers', { entity: 'customer', key: ['id'], columns: { id: 'id' } })
const sales = table('shop.sales', {
  entity: 'sale',
  key: ['id'],
  columns: { id: 'id', customerId: 'customer_id', status: 'status' },
  events: { 'sale.paid': { column: 'status', becomes: 'paid' } },
})
const visits = table('shop.visits', {
  entity: 'visit',
  key: [], // it has none: its rows are only ever inserted
  columns: { customerId: 'customer_id' },
  appendOnly: true,
})
// #endregion

// #region events
export const customerMerged = event('customer.merged', { customerId: 'int4' })
// #endregion

// #region rules
export const shopCatalog = catalog('shop', {
  version: '1',
  keys,
  rules: [
    customers.any.fences((customer) => [wildcard('customer:{customerId}:*', { customerId: customer.id })]),
    sales.any.fences(
      (sale) => [
        keys.sale.of({ id: sale.id }),
        keys.receipt.of({ id: sale.id }),
        wildcard('customer:{customerId}:sales:*', { customerId: sale.customerId }),
      ],
      { name: 'a sale', evict: 'legacy:sale:{id}' },
    ),
    sales.any.where({ status: 'new' }).fences(() => [keys.unpaid.of({})]),
    visits.inserted.fences((visit) => [keys.visits.of({ customerId: visit.customerId })]),
    customerMerged.fences((merged) => [wildcard('customer:{customerId}:*', { customerId: merged.customerId })]),
  ],
})
// #endregion
