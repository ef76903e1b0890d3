import { connectRedis } from '@freshet/redis'
import { expect, it } from 'vitest'
import { clusterAddress } from '../src/address.js'

it('the address of a Cluster names some of its nodes, with user, password and TLS for all', () => {
  const address = clusterAddress('rediss+cluster://app:s%40crt@one:6379,[::1]:6380')
  expect(address?.nodes).toEqual(['one:6379', '[::1]:6380'])
  expect(address?.urlOf('two:1')).toBe('rediss://app:s%40crt@two:1')
  expect(clusterAddress('redis+cluster://one:1/')?.urlOf('one:1')).toBe('redis://one:1')
})

it('any other address is that of a single server', () => {
  expect(clusterAddress('redis://127.0.0.1:6379/2')).toBeUndefined()
})

it.each([
  'redis+cluster://one',
  'redis+cluster://one:1/2',
  'redis+cluster://',
  'redis+cluster://one:1,two',
  'redis+cluster:one:1',
])('%s is refused with what to write', (url) => {
  expect(() => connectRedis({ url, namespace: 'n', role: 'client' })).toThrow(
    /write redis\+cluster:\/\/host:port,host:port/,
  )
})

it('a refusal does not tell the password', () => {
  expect(() => clusterAddress('redis+cluster://app:geheim@one')).toThrow(/^(?!.*geheim)/)
})
