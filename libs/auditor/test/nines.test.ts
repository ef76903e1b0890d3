import { expect, it } from 'vitest'
import { nines } from '@freshet/auditor'

it.each([
  [1_000, 1, '3.0'],
  [100_000, 1, '5.0'],
  [200, 100, '0.3'],
  [10, 10, '0.0'],
  [3_000, 0, '> 3.0'], // no more is known of 3,000 reads without a fault
  [2, 0, '-'],
  [0, 0, '-'],
])('%d reads of which %d were wrong: %s', (reads, wrong, text) => {
  expect(nines(reads, wrong)).toBe(text)
})
