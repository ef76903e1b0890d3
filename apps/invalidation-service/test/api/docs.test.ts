import { expect, it } from 'vitest'
import { startApi } from './api.js'

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Readonly<Record<string, object>> }>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

it('the OpenAPI document has every route of the API, with what it answers', async () => {
  const { url } = await startApi()
  const { paths, components } = (await (await fetch(`${url}/openapi.json`)).json()) as Document
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  for (const route of [
    'get /explain/keys',
    'post /explain/changes',
    'get /catalogs',
    'get /catalogs/graph',
    'get /hot-keys',
    'get /watch',
  ])
    expect(routes).toContain(route)
  expect(Object.keys(components.schemas)).toEqual(
    expect.arrayContaining(['ExplainedKey', 'ExplainedChanges', 'ListedCatalog', 'RankedKeys', 'SeenFence', 'Problem']),
  )
  expect(Object.keys(paths['/explain/keys']?.get?.responses ?? {})).toEqual(
    expect.arrayContaining(['200', '400', '401', '403', '404', '503']),
  )
})
