import { startService, type RunningService } from '@freshet/service-kit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { membersApi } from '../src/index.js'

// nothing listens on port 1: the service must come up, and say what it waits for
const environment = {
  FRESHET_POSTGRES_URL: 'postgres://nobody@127.0.0.1:1/none',
  FRESHET_REDIS_URL: 'redis://127.0.0.1:1',
  FRESHET_KAFKA_BROKERS: '127.0.0.1:1',
  FRESHET_HTTP_PORT: '0',
  FRESHET_HTTP_HOST: '127.0.0.1',
  FRESHET_LOG_LEVEL: 'silent',
}

let service: RunningService
beforeAll(async () => {
  service = await startService(membersApi, { environment })
}, 30_000)
afterAll(() => service.close())

it('without its servers the API lives, is not ready, and answers reads with a problem', async () => {
  expect((await fetch(`${service.url}/health/live`)).status).toBe(200)
  const ready = await fetch(`${service.url}/health/ready`)
  expect({ status: ready.status, body: await ready.json() }).toMatchObject({
    status: 503,
    body: { ready: false, checks: { catalog: { ready: false } } },
  })
  const read = await fetch(`${service.url}/members/7`)
  expect({ status: read.status, body: await read.json() }).toMatchObject({
    status: 503,
    body: { title: 'Service Unavailable', detail: 'The database is not reachable.' },
  })
})

it('shows its OpenAPI page, and its counts to Prometheus', async () => {
  const page = await fetch(`${service.url}/docs`)
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('swagger-ui')])
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  expect(metrics).toContain('freshet_cache_misses_total{template="profile",reason=')
})

it('keeps the layers closed to everyone but the demo', async () => {
  expect((await fetch(`${service.url}/demo/l1/keys`)).status).toBe(404)
})
