import { bindKey, bindWildcard, keyTag, parseTemplate, parseWildcard, templateTag } from '@freshet/cache-keys'
import { catalog, key, table, wildcard } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { ErrorWindows } from '../../src/scheduling/error-windows.js'
import { Scheduling } from '../../src/scheduling/scheduling.js'

const members = table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id' } })
const keys = {
  rate: key('member:{id}:rate', { ttl: '1h', staleIfError: '1m' }),
  pages: key('member:{id}:pages:{query}', { ttl: '1h', staleIfError: '5m' }),
  balance: key('member:{id}:balance', { ttl: '1h' }),
}
const one = catalog('one', {
  version: '1',
  keys,
  rules: [
    members.any.fences((row) => [keys.rate.of({ id: row.id }), keys.balance.of({ id: row.id })]),
    members.any.fences((row) => [wildcard('member:{id}:*', { id: row.id })]),
    members.any.fences((row) => [wildcard('member:{id}:pages:*', { id: row.id })]),
  ],
})
const exactly = (text: string, id: string) => keyTag(bindKey(parseTemplate(text), { id }))
const all = (text: string, id: string) => bindWildcard(parseWildcard(text), { id })

it('opens for the templates that a tag governs, whether anything is hot or not', () => {
  const windows = new ErrorWindows([one])
  expect(windows.of(exactly('member:{id}:rate', 'a:b*'))).toEqual([60_000])
  expect(windows.of(all('member:{id}:*', '7'))).toEqual([60_000, 300_000])
  expect(windows.of(all('member:{id}:pages:*', '7'))).toEqual([300_000])
  expect(windows.of(exactly('member:{id}:balance', '7'))).toEqual([])
  expect(windows.of(templateTag(parseTemplate('member:{id}:rate')))).toEqual([])
  expect(new ErrorWindows([]).of(all('member:{id}:*', '7'))).toEqual([])
})

it('opens with each fence of a change, and with none that may be a repetition', () => {
  const scheduling = new Scheduling({ hot: () => [] }, { catalogs: [one] })
  expect(scheduling.windowsOf(exactly('member:{id}:rate', '7'), false)).toEqual([60_000])
  expect(scheduling.windowsOf(exactly('member:{id}:rate', '7'), true)).toEqual([])
})
