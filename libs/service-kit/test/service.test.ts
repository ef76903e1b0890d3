import { Controller, Get, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { Counter, Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { HealthRegistry, startService, variables, type RunningService, type Service } from '../src/index.js'

const happened: string[] = []
let redisReady = true

@Injectable()
class Pool implements OnModuleInit, OnApplicationShutdown {
  constructor(health: HealthRegistry, metrics: Registry) {
    health.register('redis', () => (redisReady ? { ready: true } : { ready: false, reason: 'connection refused' }))
    health.register('kafka', async () => ({ ready: true }))
    new Counter({ name: 'fences_total', help: 'Fences applied', registers: [metrics] }).inc(7)
  }
  onModuleInit(): void {
    happened.push('pool opened')
  }
  onApplicationShutdown(): void {
    happened.push('pool closed')
  }
}

@Controller('hello')
class HelloController {
  @Get()
  hello(): { readonly hello: string } {
    return { hello: 'world' }
  }
}

@Module({ providers: [Pool], controllers: [HelloController] })
class HelloModule {}

const transport = {
  listen: (callback: () => void) => {
    happened.push('transport begins')
    callback()
  },
  close: () => happened.push('transport closes'),
}

const hello: Service<{ namespace: typeof variables.namespace }> = {
  name: 'hello',
  variables: { namespace: variables.namespace },
  module: () => HelloModule,
  transports: () => [transport],
}

describe('a service', () => {
  let service: RunningService | undefined
  const lines: string[] = []
  const start = async (environment: Record<string, string> = {}) => {
    service = await startService(hello, {
      environment: { FRESHET_HTTP_PORT: '0', FRESHET_HTTP_HOST: '127.0.0.1', ...environment },
      logTo: { write: (line) => void lines.push(line) },
    })
    return service
  }
  afterEach(async () => {
    await service?.close()
    happened.length = 0
    lines.length = 0
    redisReady = true
  })
  const get = (path: string) => fetch(new URL(path, service?.url))

  it('says that it lives, and whether it is ready, each part with its reason', async () => {
    await start()
    expect(await (await get('/health/live')).json()).toEqual({ status: 'live' })
    const ready = await get('/health/ready')
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({ ready: true, checks: { redis: { ready: true }, kafka: { ready: true } } })
    redisReady = false
    const unready = await get('/health/ready')
    expect(unready.status).toBe(503)
    expect(await unready.json()).toMatchObject({
      ready: false,
      checks: { redis: { ready: false, reason: 'connection refused' } },
    })
  })

  it('serves its metrics and its own routes', async () => {
    await start()
    const metrics = await get('/metrics')
    expect(metrics.headers.get('content-type')).toContain('text/plain')
    expect(await metrics.text()).toContain('fences_total{service="hello"} 7')
    expect(await (await get('/hello')).json()).toEqual({ hello: 'world' })
  })

  it('opens pools before transports, and closes them after', async () => {
    const running = await start()
    await Promise.all([running.close(), running.close()])
    expect(happened).toEqual(['pool opened', 'transport begins', 'transport closes', 'pool closed'])
  })

  it('is not ready while it drains', async () => {
    const running = await start()
    running.health.drain()
    expect(await (await get('/health/ready')).json()).toMatchObject({
      ready: false,
      checks: { service: { ready: false, reason: 'is shutting down' } },
    })
  })

  it('logs one JSON object a line, LSNs included', async () => {
    const { log } = await start()
    log.info({ lsn: 24_049_152n }, 'applied')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ level: 'info', service: 'hello', msg: 'applied', lsn: '24049152' }),
    )
  })

  it('logs text for people when told to', async () => {
    const { log } = await start({ FRESHET_LOG_FORMAT: 'text' })
    log.warn({ slot: 'freshet' }, 'slot is missing')
    expect(lines.at(-1)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}WARN {3}hello {2}slot is missing {2}slot=freshet\n$/)
  })

  it('names the port that is taken, and how to change it', async () => {
    const { url } = await start()
    const taken = startService(
      { ...hello, transports: () => [] },
      {
        environment: { FRESHET_HTTP_PORT: new URL(url).port, FRESHET_HTTP_HOST: '127.0.0.1' },
        logTo: { write: () => undefined },
      },
    )
    await expect(taken).rejects.toMatchObject({ code: 'PORT_IN_USE', message: /FRESHET_HTTP_PORT/ })
  })
})
