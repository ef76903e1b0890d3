import { catalog, key as declare, KeyWithoutCatalogError } from '@freshet/catalog'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { CacheClosedError, CatalogNotInForceError, LoaderMissingError } from '../src/errors.js'
import { ageHeader, cacheStatusHeader } from '../src/response-headers.js'
import type { Reading } from '../src/reading.js'
import { keys, World, type Balance } from './world/world.js'

const key = keys.balance.of({ id: 42 })

describe('read-through', () => {
  it('loads by the loader of the template, with the parameters of the key', async () => {
    const world = await World.open()
    const { cache } = world.client()
    cache.loader(keys.balance, ({ id }, { parameters }) => ({ amount: Number(id) + Number(parameters.id) }))
    expect(await cache.get(key)).toEqual({ amount: 84 })
    expectTypeOf(await cache.get(key)).toEqualTypeOf<Balance>()
  })

  it('names the template that has no loader', async () => {
    const { cache } = (await World.open()).client()
    await expect(cache.get(key)).rejects.toThrow(new LoaderMissingError('balance'))
  })

  it('finds a key by name, for programs without typed keys', async () => {
    const { cache } = (await World.open()).client()
    cache.loader(keys.balance, ({ id }) => ({ amount: Number(id) }))
    expect(await cache.get(cache.key('balance', { id: '7' }))).toEqual({ amount: 7 })
    expect(() => cache.key('blance', { id: '7' })).toThrow(KeyWithoutCatalogError)
  })

  it('refuses a key of another catalog', async () => {
    const foreign = { balance: declare('invoice:{id}', { ttl: '1h', exact: true }).returns<number>() }
    catalog('another', { version: '1', keys: foreign, rules: [] })
    const { cache } = (await World.open()).client()
    await expect(cache.get(foreign.balance.of({ id: 1 }), () => 1)).rejects.toThrow(KeyWithoutCatalogError)
  })
})

describe('the client', () => {
  it('says what it waited for when its catalog does not come into force', async () => {
    const { cache } = (await World.open({ inForce: false })).client()
    await expect(cache.inForce({ timeoutMs: 30 })).rejects.toThrow(CatalogNotInForceError)
    await expect(cache.inForce({ timeoutMs: 30 })).rejects.toThrow('Redis holds no record of it')
    expect(cache.health()).toMatchObject({ inForce: false, l1: 'off' })
  })

  it('answers nothing any more once closed, and aborts what it was loading', async () => {
    const { cache } = (await World.open()).client()
    const started = Promise.withResolvers<void>()
    const read = cache.get(key, () => {
      started.resolve()
      return new Promise<Balance>(() => undefined)
    })
    await started.promise
    const [outcome] = await Promise.allSettled([read, cache.close()])
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CACHE_CLOSED' } })
    await expect(cache.get(key, () => ({ amount: 1 }))).rejects.toThrow(CacheClosedError)
  })
})

describe('response headers', () => {
  const reading: Omit<Reading<unknown>, 'value'> = {
    layer: 'l1',
    loadedAtMs: 0,
    ageMs: 1_999,
    ttlMs: 58_001,
    vouched: true,
    stale: false,
    strength: 'full',
    joined: false,
  }

  it.each([
    ['a hit', {}, 'Freshet; hit; ttl=58; detail=l1'],
    ['a first load', { layer: 'source', missed: 'absent' }, 'Freshet; fwd=uri-miss; stored; ttl=58'],
    [
      'a load shared after a fence',
      { layer: 'source', missed: 'fenced', joined: true },
      'Freshet; fwd=stale; collapsed; stored; ttl=58',
    ],
    [
      'a load that could not be stored',
      { layer: 'source', missed: 'absent', vouched: false, refused: 'not-visible' },
      'Freshet; fwd=uri-miss; detail=not-visible',
    ],
  ] as const)('tell %s in the words of RFC 9211', (_, change, text) => {
    expect(cacheStatusHeader({ ...reading, ...change })).toBe(text)
  })

  it('tell the age in whole seconds', () => {
    expect(ageHeader(reading)).toBe('1')
  })
})
