import { catalog, key, table, wildcard } from '@freshet/catalog'

export interface Profile {
  id: number
  name: string
}
export interface Balance {
  cents: number
}

export const keys = {
  profile: key('member:{id}:profile', { ttl: '1h', staleWhileRevalidate: '5s' }).returns<Profile>(),
  balance: key('member:{id}:balance', { ttl: '1h' }).returns<Balance>(),
  transactions: key('member:{id}:transactions:{query}', { ttl: '10m' }).returns<string[]>(),
  list: key('members:list:{query}', { ttl: '5m', staleWhileRevalidate: '10s' }).returns<Profile[]>(),
  ofOrg: key('organization:{organizationId}:members:{query}', { ttl: '5m' }).returns<Profile[]>(),
  revenue: key('reports:revenue:{query}', { ttl: '15m', staleWhileRevalidate: '60s' }).returns<number>(),
}

export const members = table('public.members', {
  entity: 'member',
  key: ['id'],
  columns: { id: 'id', organizationId: 'organization_id' },
})

export const payments = table('public.payments', {
  entity: 'payment',
  key: ['id'],
  columns: { id: 'id', memberId: 'member_id', status: 'status' },
  events: { 'payment.completed': { column: 'status', becomes: 'completed' } },
})

/** DESIGN section 5's example, word for word. */
export const membersCatalog = catalog('members-api', {
  version: '1',
  keys,
  rules: [
    members.any.fences((m) => [
      wildcard('member:{id}:*', { id: m.id }),
      wildcard('members:list:*'),
      wildcard('organization:{organizationId}:members:*', { organizationId: m.organizationId }),
    ]),
    payments.any.fences((p) => [
      keys.balance.of({ id: p.memberId }),
      wildcard('member:{id}:transactions:*', { id: p.memberId }),
      wildcard('reports:revenue:*'),
    ]),
  ],
})
