import { get } from 'node:http'
import { describe, expect, it } from 'vitest'
import { isLoopback } from '../../src/api/admission.guard.js'
import { outerAddress, startApi } from './api.js'

const routes = [
  '/explain/keys?key=member:42:balance',
  '/catalogs',
  '/catalogs/graph',
  '/hot-keys',
  '/watch',
  '/openapi.json',
]
const token = 'a-credential-of-some-length'

/** `fetch` does not let a caller say another host. */
const statusOf = (url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => {
      response.destroy()
      resolve(response.statusCode)
    }).on('error', reject)
  })

const elsewhere = (url: string): string => url.replace('127.0.0.1', outerAddress ?? '')

describe('without a credential', () => {
  it.skipIf(outerAddress === undefined)(
    'the API answers on the loopback address alone, health and metrics on every one',
    async () => {
      const { url } = await startApi()
      for (const path of routes) {
        expect([path, await statusOf(`${url}${path}`, {})]).toEqual([path, 200])
        expect([path, await statusOf(`${elsewhere(url)}${path}`, {})]).toEqual([path, 403])
      }
      // nor does a header help
      expect(await statusOf(`${elsewhere(url)}/catalogs`, { host: 'localhost', authorization: 'Bearer x' })).toBe(403)
      for (const path of ['/health/live', '/health/ready', '/metrics'])
        expect([path, await statusOf(`${elsewhere(url)}${path}`, {})]).toEqual([path, 200])
    },
  )

  it.each(['rebound.example', 'rebound.example:3002', '127.0.0.1.example'])(
    'a page of %j that a browser here was led to is refused',
    async (host) => {
      const { url } = await startApi()
      expect(await statusOf(`${url}/catalogs`, { host })).not.toBe(200)
    },
  )

  it.each(['localhost', 'localhost:3002', '127.0.0.1', '[::1]:3002'])('%s is this machine', async (host) => {
    const { url } = await startApi()
    expect(await statusOf(`${url}/catalogs`, { host })).toBe(200)
  })

  it('what is a loopback address', () => {
    const addresses = [
      '127.0.0.1',
      '127.8.8.8',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:10.0.0.1',
      '10.0.0.1',
      '0.0.0.0',
      undefined,
    ]
    expect(addresses.map(isLoopback)).toEqual([true, true, true, true, false, false, false, false])
  })
})

describe('with a credential', () => {
  it('whoever shows it is answered on every address, and nobody else, not even on this machine', async () => {
    const { url } = await startApi(token)
    for (const base of outerAddress === undefined ? [url] : [url, elsewhere(url)])
      for (const path of routes) {
        const asked = (authorization?: string) => statusOf(`${base}${path}`, authorization ? { authorization } : {})
        expect([path, await asked(`Bearer ${token}`)]).toEqual([path, 200])
        for (const wrong of [undefined, `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, 'Bearer'])
          expect([path, wrong, await asked(wrong)]).toEqual([path, wrong, 401])
      }
    const refused = await fetch(`${url}/catalogs`)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="freshet"')
    expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  })
})
