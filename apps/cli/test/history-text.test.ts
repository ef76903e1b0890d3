import type { KeyHistory } from '@freshet/explain'
import { expect, it } from 'vitest'
import { accessesText, historyLines } from '../src/explain/history-text.js'

const knownSince = '2026-03-14T08:27:05.000Z'
const now = Date.parse('2026-03-14T09:27:05.000Z')
const hops = { fenced: '2026-03-14T09:26:53.592Z', published: '2026-03-14T09:26:53.594Z' }
const change = {
  topic: 'payment.changes.v1',
  partition: 0,
  offset: '7',
  type: 'payment.updated',
  table: 'public.payments',
  operation: 'update',
  row: { id: 7 },
  commit: { lsn: '0/1A2F4C8', xid: '739', at: '2026-03-14T09:26:53.589Z', index: 3 },
  rules: [{ owner: 'members-api', version: '1', rule: 1, name: 'balance', event: 'payment.completed' }],
} as const

it('a key was fenced by which change, row and rule, and the change took how long to each hop', () => {
  const history: KeyHistory = {
    knownSince,
    lastFence: {
      tag: 'member:42:balance',
      cause: 'change',
      change,
      hops: {
        committed: change.commit.at,
        sent: '2026-03-14T09:26:53.590Z',
        read: '2026-03-14T09:26:53.588Z',
        ...hops,
      },
    },
    refresh: {
      askedAt: '2026-03-14T09:26:54.000Z',
      notBefore: '2026-03-14T09:27:07.500Z',
      deadline: '2026-03-14T09:27:54.000Z',
      priority: 1,
    },
  }
  expect(historyLines(history, now)).toEqual([
    'last fenced 11s ago: member:42:balance, by payment.updated of public.payments id = 7, commit 0/1A2F4C8, xid 739, ' +
      'change 3; members-api@1 rule 1 (balance), on payment.completed',
    '  committed 2026-03-14 09:26:53.589, sent by the listener +1 ms, read by the invalidation service -1 ms, ' +
      'fenced in Redis +3 ms, published +5 ms',
    'its refresh is due in 2.5s, until 2026-03-14 09:27:54.000; asked for 11s ago',
  ])
  expect(historyLines(history, now + 4_000).at(-1)).toContain('its refresh was due 1.5s ago')
})

it.each([
  [{ cause: 'hand' } as const, 'member:42:*, by hand'],
  [{ cause: 'gap', gap: 'slot-lost' } as const, 'member:42:*, by a gap (slot-lost)'],
  [{ cause: 'gap' } as const, 'member:42:*, by a gap'],
  [{ cause: 'change' } as const, 'member:42:*, by a change that cannot be told'],
  [
    { cause: 'change', batch: { topic: 'shop.orders', partition: 2, from: '7', to: '9' } } as const,
    'member:42:*, by a change in shop.orders/2 from 7 on, before 9 that cannot be told',
  ],
])('a fence with the cause %j says so', (cause, text) => {
  const [line] = historyLines({ knownSince, lastFence: { tag: 'member:42:*', hops, ...cause } }, now)
  expect(line).toContain(`last fenced 11s ago: ${text}`)
})

it('what is not known is said, and since when', () => {
  expect(historyLines({ knownSince }, now)).toEqual([
    'not fenced since 2026-03-14 08:27:05.000; what was before is no longer kept',
    'no refresh was asked for since 2026-03-14 08:27:05.000',
  ])
})

it('a key is hot or cold, with its reads and its rank', () => {
  const windowMs = 3_600_000
  expect(accessesText({ hot: true, reads: 812, rank: 3, windowMs })).toBe('hot: 812 reads in the last 60 min, rank 3')
  expect(accessesText({ hot: false, reads: 12, rank: 204, windowMs })).toContain('cold: 12 reads')
  expect(accessesText({ hot: false, reads: 0, windowMs: 90_000 })).toBe(
    'cold: no reads of it are reported in the last 90s',
  )
})
