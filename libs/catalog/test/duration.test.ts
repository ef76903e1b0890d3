import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DurationSyntaxError, formatDuration, parseDuration } from '@freshet/catalog'

it.each([
  ['250ms', 250],
  ['5s', 5_000],
  ['10m', 600_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
  ['0s', 0],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['', '5', 's', '5 s', '-5s', '1.5h', '5sec', '5S', '1h30m'])('"%s" is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow(DurationSyntaxError)
})

it('every whole number of milliseconds is read as it was written', () => {
  fc.assert(fc.property(fc.nat(999_999_999), (ms) => parseDuration(formatDuration(ms)) === ms))
  expect([0, 90_000, 86_400_000, 250].map(formatDuration)).toEqual(['0ms', '90s', '1d', '250ms'])
})
