import { catalog, table } from '@freshet/catalog'

const sales = table('shop.sales', { entity: 'sale', key: ['id'], columns: { id: 'id', customerId: 'customer_id' } })

export const legacyCatalog = catalog('shop-legacy', {
  version: '1',
  keys: {},
  rules: [sales.any.fences(() => [], { evict: ['legacy:sale:{id}', 'legacy:sales-of:{customerId}'] })],
})
