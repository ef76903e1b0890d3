import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as membersCatalog from '@freshet/members-catalog'
import { ConfigurationError, startService } from '@freshet/service-kit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LoaderModule } from '@freshet/cache/loaders'
import { cacheWarmer } from '../src/index.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-loaders-'))
})
afterEach(() => rm(folder, { recursive: true }))

const moduleOf = async (source: string): Promise<string> => {
  await writeFile(join(folder, 'loaders.mjs'), source)
  return join(folder, 'loaders.mjs')
}

// nothing listens on port 1: the service must come up, and say what it waits for
const environment = {
  FRESHET_POSTGRES_URL: 'postgres://nobody@127.0.0.1:1/none',
  FRESHET_REDIS_URL: 'redis://127.0.0.1:1',
  FRESHET_KAFKA_BROKERS: '127.0.0.1:1',
  FRESHET_HTTP_PORT: '0',
  FRESHET_HTTP_HOST: '127.0.0.1',
  FRESHET_LOG_LEVEL: 'silent',
}

it('without its servers the warmer lives, and says that it is not ready', async () => {
  const loaders = await moduleOf(`
    export const catalog = { owner: 'shop', version: '1', fingerprint: 'f', templates: new Map(), json: {} }
    export function registerLoaders() {}`)
  const service = await startService(cacheWarmer, { environment: { ...environment, FRESHET_LOADERS: loaders } })
  try {
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200)
    const ready = await fetch(`${service.url}/health/ready`)
    expect({ status: ready.status, body: await ready.json() }).toMatchObject({
      status: 503,
      body: { checks: { 'warm-requests': { ready: false } } },
    })
  } finally {
    await service.close()
  }
}, 30_000)

it('does not start without loaders', async () => {
  await expect(startService(cacheWarmer, { environment })).rejects.toThrow(ConfigurationError)
})

it('does not start on a catalog alone while its SQL may not be run, and says what allows it', async () => {
  const catalog = join(folder, 'catalog.json')
  const load = { sql: 'select 1', returns: 'value' }
  const json = { format: 1, owner: 'shop', version: '1', tables: {}, rules: [] }
  await writeFile(catalog, JSON.stringify({ ...json, templates: { one: { template: 'one', ttl: '1h', load } } }))
  const starting = startService(cacheWarmer, { environment: { ...environment, FRESHET_LOADERS: catalog } })
  await expect(starting).rejects.toThrow('which FRESHET_SQL_LOADERS=1 allows')
  await writeFile(catalog, JSON.stringify({ ...json, templates: { one: { template: 'one', ttl: 'soon' } } }))
  const spoilt = startService(cacheWarmer, { environment: { ...environment, FRESHET_LOADERS: catalog } })
  await expect(spoilt).rejects.toThrow(/it is no catalog that can be used .*must be a duration/s)
}, 30_000)

it("the reference domain's package is a loader module", () => {
  const module: LoaderModule = membersCatalog
  expect(module.catalog.owner).toBe('members-api')
})
