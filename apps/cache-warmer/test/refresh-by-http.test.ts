import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { LoadLimitError, refreshHandler, RefreshSecretError, type Cache } from '@freshet/cache'
import { catalogFromJson, KeyWithoutCatalogError } from '@freshet/catalog'
import { afterEach, expect, it } from 'vitest'
import { refreshByHttp, RefreshFailedError } from '../src/refresh-by-http.js'

const secret = 'a secret of sixteen and more'
const catalog = catalogFromJson({
  format: 1,
  owner: 'shop',
  version: '1',
  tables: {},
  templates: { price: { template: 'item:{item}:price:{query}', ttl: '1m' } },
  rules: [],
})

const servers: Server[] = []
afterEach(() => servers.splice(0).forEach((server) => server.close()))

type Reading = Partial<Awaited<ReturnType<Cache['read']>>>

/** A service whose cache answers each read so; resolves with its address. */
async function serve(answer: (parameters: object, options: unknown) => Promise<Reading>): Promise<string> {
  const cache = {
    key: (name: string, parameters: object) => {
      const compiled = catalog.templates.get(name)
      if (!compiled) throw new KeyWithoutCatalogError(name, 'shop')
      return { definition: { name, text: compiled.template.text, options: { ttl: '1m' } }, template: name, parameters }
    },
    read: async (key: { parameters: object }, options: unknown) => ({
      layer: 'source',
      joined: false,
      ...(await answer(key.parameters, options)),
    }),
  } as unknown as Pick<Cache, 'key' | 'read'>
  const handle = refreshHandler(cache, { secret })
  return listen(async (authorization, body) => handle({ authorization, body: JSON.parse(body) as unknown }))
}

function listen(
  answer: (authorization: string | undefined, body: string) => Promise<{ status: number; body: object }>,
): Promise<string> {
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => answer(request.headers.authorization, body))
      .then(({ status, body }) => response.writeHead(status).end(JSON.stringify(body)))
  })
  servers.push(server)
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/refresh`)),
  )
}

const request = { template: 'price', parameters: { item: '7', query: { page: '2', of: ['a', null] } } }

it('the service loads by its own client, past its memory, and says what became of the key', async () => {
  const asked: unknown[] = []
  const readings: Reading[] = [{}, { layer: 'l2' }, { refused: 'not-visible' }]
  const url = await serve(async (...given) => {
    asked.push(given)
    return readings[asked.length - 1] ?? {}
  })
  const refresh = refreshByHttp({ url, secret })
  expect(await refresh({ ...request, ttlMs: 5_000 })).toEqual({ outcome: 'warmed' })
  expect(await refresh(request)).toEqual({ outcome: 'fresh' })
  expect(await refresh(request)).toEqual({ outcome: 'refused', reason: 'not-visible', isLoaded: true })
  expect(asked[0]).toEqual([request.parameters, { fresh: true, onlyIfStorable: true, ttlMs: 5_000 }])
})

it('what its version of the catalog does not have is foreign, and no failure', async () => {
  const refresh = refreshByHttp({ url: await serve(() => Promise.reject(new Error('nothing is to be read'))), secret })
  expect(await refresh({ ...request, template: 'stock' })).toEqual({ outcome: 'foreign' })
  expect(await refresh({ ...request, parameters: { article: '7' } })).toEqual({ outcome: 'foreign' })
})

it('a loader that fails there fails here, with its message, and one that has no room too', async () => {
  let error: Error = new Error('the source is down')
  const refresh = refreshByHttp({ url: await serve(() => Promise.reject(error)), secret })
  await expect(refresh(request)).rejects.toThrow(/answered 502: the source is down/)
  error = new LoadLimitError('price', 1, 1)
  await expect(refresh(request)).rejects.toMatchObject({ code: 'REFRESH_FAILED', status: 503 })
})

it('without the secret nothing is loaded, and a weak one is not taken', async () => {
  let reads = 0
  const url = await serve(async () => {
    reads++
    return {}
  })
  await expect(refreshByHttp({ url, secret: `${secret}!` })(request)).rejects.toMatchObject({ status: 401 })
  expect((await fetch(url, { method: 'POST', body: JSON.stringify(request) })).status).toBe(401)
  expect(reads).toBe(0)
  expect(() => refreshHandler({} as Cache, { secret: 'guess me' })).toThrow(RefreshSecretError)
})

it.each([
  ['no object', 'price'],
  ['no parameters', { template: 'price' }],
  ['a parameter that is none', { template: 'price', parameters: { item: null } }],
  ['a query with an object in it', { template: 'price', parameters: { item: '7', query: { deep: { er: 1 } } } }],
  ['no life', { ...request, ttlMs: 'long' }],
])('a body that is %s is refused', async (_, body) => {
  const url = await serve(async () => ({}))
  const headers = { authorization: `Bearer ${secret}` }
  expect((await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(400)
})

it('an address that is something else, or nobody, is a failure that names it', async () => {
  const other = await listen(async () => ({ status: 200, body: { hello: 'world' } }))
  await expect(refreshByHttp({ url: other, secret })(request)).rejects.toThrow('no answer of refreshHandler: {"hello"')
  const missing = await listen(async () => ({ status: 404, body: {} }))
  await expect(refreshByHttp({ url: missing, secret })(request)).rejects.toThrow(RefreshFailedError)
  await expect(refreshByHttp({ url: 'http://127.0.0.1:1/refresh', secret })(request)).rejects.toThrow()
})

it('a service that does not answer is waited for so long and no longer', async () => {
  const url = await listen(() => new Promise(() => undefined))
  await expect(refreshByHttp({ url, secret, timeoutMs: 50 })(request)).rejects.toMatchObject({ name: 'TimeoutError' })
  servers.at(-1)?.closeAllConnections()
})
