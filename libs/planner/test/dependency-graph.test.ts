import { expect, it } from 'vitest'
import { catalog, derived, event, key, table, template, wildcard } from '@freshet/catalog'
import { dependencyGraph } from '@freshet/planner'

const keys = {
  balance: key('member:{id}:balance', { ttl: '1h' }),
  statement: key('statement:{memberId}', { ttl: '1h' }),
}
const payments = table('public.payments', {
  entity: 'payment',
  key: ['id'],
  columns: { id: 'id', memberId: 'member_id', status: 'status' },
})

it('shows what makes what wrong, and how parameters are bound', () => {
  const { nodes, edges } = dependencyGraph([
    catalog('shop', {
      version: '1',
      keys,
      rules: [
        payments.updated
          .changed('status')
          .where({ status: 'completed' })
          .fences((p) => [wildcard('member:{id}:*', { id: p.memberId })]),
        event('member.merged', { memberId: 'int8' }).fences((e) => [keys.balance.of({ id: e.memberId })]),
        payments.deleted.fences(() => [template(keys.balance)]),
      ],
      derivations: [derived(keys.statement, { from: keys.balance, with: { memberId: 'id' } })],
    }),
  ])
  expect(nodes).toEqual([
    { id: 'shop@1/balance', kind: 'template', label: 'member:{id}:balance' },
    { id: 'shop@1/statement', kind: 'template', label: 'statement:{memberId}' },
    { id: 'public.payments', kind: 'table', label: 'public.payments' },
    { id: 'member.merged', kind: 'event', label: 'member.merged' },
  ])
  expect(edges.map(({ from, to, kind, label }) => `${from} -> ${to} (${kind}: ${label})`)).toEqual([
    'public.payments -> shop@1/balance (rule: update; changed status; status = "completed"; member:{memberId}:*)',
    'member.merged -> shop@1/balance (rule: id = memberId)',
    'public.payments -> shop@1/balance (rule: delete; all)',
    'shop@1/balance -> shop@1/statement (derivation: memberId = id)',
  ])
})
