import { catalog, key, table, wildcard } from '@freshet/catalog'

export const keys = {
  profile: key('member:{id}:profile', { ttl: '1h', warm: true }),
  balance: key('member:{id}:balance', { ttl: '1h', warm: true }),
  transactions: key('member:{id}:transactions:{query}', { ttl: '10m' }),
  list: key('members:list:{query}', { ttl: '5m' }),
  ofOrg: key('organization:{organizationId}:members:{query}', { ttl: '5m' }),
  revenue: key('reports:revenue:{query}', { ttl: '15m' }),
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
