import { networkInterfaces } from 'node:os'
import { startService, type RunningService, type Service } from '@freshet/service-kit'
import { onTestFinished, vi } from 'vitest'
import { expect } from 'vitest'
import { ApiSources } from '../../src/api/api-sources.js'
import { apiControllers, apiProviders, configureApi } from '../../src/api/api.js'
import type { InvalidationEngine } from '../../src/engine.js'
import { World } from '../world.js'

class ApiAlone {}

const hotKeys = { among: 10, moreThan: 5, windowMs: 3_600_000 }

/** An address of this machine that others can reach too; undefined where it has none. */
export const outerAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

export interface Api {
  readonly world: World
  readonly engine: InvalidationEngine
  readonly service: RunningService
  /** `http://127.0.0.1:…` */
  readonly url: string
}

/** The API on a real port, over an engine whose servers are in memory. */
export async function startApi(token?: string): Promise<Api> {
  const world = await World.open()
  world.register()
  world.accept()
  for (const partition of [0, 1]) world.watermark(partition)
  const engine = await world.start(1_000, hotKeys)
  await vi.waitFor(() => expect(world.isDone).toBe(true))
  const kafka = world.kafka.connect()
  const sources: ApiSources = {
    get catalogs() {
      return engine.catalogs
    },
    get refused() {
      return engine.refusedCatalogs
    },
    values: world.redis.connect().values,
    kafka,
    topicPrefix: '',
    hotKeys,
    ranking: engine.hotKeys,
  }
  const alone: Service<Record<never, never>> = {
    name: 'api-alone',
    variables: {},
    module: () => ({
      module: ApiAlone,
      controllers: apiControllers,
      providers: [{ provide: ApiSources, useValue: sources }, ...apiProviders(token)],
    }),
    configure: configureApi,
  }
  const environment = { FRESHET_HTTP_PORT: '0', FRESHET_LOG_LEVEL: 'silent' }
  const service = await startService(alone, { environment, logTo: { write: () => undefined } })
  onTestFinished(async () => {
    await service.close()
    await kafka.close()
  })
  return { world, engine, service, url: service.url }
}
