import { xid } from '@freshet/pgoutput'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatSnapshot, isVisible, parseSnapshot } from '../src/index.js'
import { anySnapshot, laterThan } from './arbitraries.js'

it('a snapshot survives being written and read', () => {
  fc.assert(
    fc.property(anySnapshot, (snapshot) => {
      expect(parseSnapshot(formatSnapshot(snapshot))).toEqual(snapshot)
    }),
  )
})

it.each(['', '1:2', '1:2:3,', 'a:2:', '1:2:3:4'])('"%s" is refused', (text) => {
  expect(() => parseSnapshot(text)).toThrow(RangeError)
})

it('what one snapshot sees every later one sees', () => {
  const pair = anySnapshot.chain((first) => fc.tuple(fc.constant(first), laterThan(first)))
  fc.assert(
    fc.property(pair, fc.bigInt(1n, 30n).map(xid), ([first, later], id) => {
      if (isVisible(id, first)) expect(isVisible(id, later)).toBe(true)
    }),
  )
})
