import { holds } from '@freshet/coherence'
import { expect, it } from 'vitest'
import { parseLineage } from '../src/lineage.js'

const [a, b, none] = ['a'.repeat(40), 'b'.repeat(40), '0'.repeat(40)]
const info = (id: string, former: string, end: number, role = 'master'): string =>
  [
    '# Replication',
    `role:${role}`,
    `master_replid:${id}`,
    `master_replid2:${former}`,
    `second_repl_offset:${end}`,
  ].join('\r\n')

it('a master holds what it wrote itself, and what its master wrote before the copy ended', () => {
  const tookOver = parseLineage(info(b, a, 1_001))
  if (!tookOver) throw new Error('a master says which history it holds')
  expect(holds(tookOver, { id: b, offset: 5_000n })).toBe(true)
  expect(holds(tookOver, { id: a, offset: 999n })).toBe(true) // its bytes stand behind 999, and the copy has 1,000
  expect(holds(tookOver, { id: a, offset: 1_000n })).toBe(false)
  expect(holds(tookOver, { id: a, offset: 1_500n })).toBe(false)
  expect(holds(tookOver, { id: none, offset: 1n })).toBe(false)
})

it('a master that took nobody’s place has no former history, and a replica says nothing', () => {
  expect(parseLineage(info(a, none, -1))).toEqual({ id: a, former: undefined })
  expect(parseLineage(info(a, none, -1, 'slave'))).toBeUndefined()
  expect(parseLineage('')).toBeUndefined()
})
