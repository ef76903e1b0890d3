import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'
import { TcpProxy } from '@freshet/testing/live'

let scene: Scene
let proxies: Readonly<Record<'Postgres' | 'Redis' | 'Kafka', TcpProxy>>

beforeAll(async () => {
  const kafka = await TcpProxy.ahead() // the broker tells its clients where to come, and so has to know
  scene = await Scene.open({
    kafkaProxy: kafka.authority,
    routes: async ({ postgresUrl, redisUrl, kafkaBehindProxy }) => {
      proxies = { Postgres: await TcpProxy.before(postgresUrl), Redis: await TcpProxy.before(redisUrl), Kafka: kafka }
      kafka.leadTo(`tcp://${kafkaBehindProxy}`)
      return { postgresUrl: proxies.Postgres.url, redisUrl: proxies.Redis.url, kafkaBrokers: kafka.authority }
    },
  })
})

afterAll(async () => {
  await scene?.close()
  await Promise.all(Object.values(proxies ?? {}).map((proxy) => proxy.close()))
})

const servers = ['Postgres', 'Redis', 'Kafka'] as const

it.for(servers)('a slow way to %s leaves nothing stale', async (server) => {
  await scene.survives(`200 ms to and from ${server}`, async () => {
    proxies[server].pass(200)
    await delay(5_000)
    proxies[server].pass()
  })
})

it.for(servers)('connections to %s that are cut again and again leave nothing stale', async (server) => {
  await scene.survives(`cuts to ${server}`, async () => {
    for (let cut = 0; cut < 12; cut++) {
      proxies[server].cut()
      await delay(400)
    }
  })
})

it.for(servers)('half-open connections to %s leave nothing stale', { timeout: 240_000 }, async (server) => {
  await scene.survives(`silence of ${server}`, async () => {
    proxies[server].fallSilent()
    await delay(8_000)
    proxies[server].pass() // for new connections; those that were open stay silent until somebody gives them up
  })
})

it.for(servers)('services that are restarted while %s cannot be reached drain in time', async (server) => {
  const { listener, invalidation, warmer } = scene.system.services
  const apis = scene.system.apis.map(({ process }) => process)
  const services = [listener, invalidation, ...(warmer ? [warmer] : []), ...apis]
  await scene.survives(`restarts without ${server}`, async () => {
    proxies[server].refuse()
    await Promise.all(services.map((service) => service.kill('SIGTERM')))
    for (const service of services) expect(service.logTail(1).join(), service.name).toContain('"msg":"stopped"')
    proxies[server].pass()
    await Promise.all(services.map((service) => service.start()))
  })
})

it.for(servers)('a %s that cannot be reached for a while leaves nothing stale', async (server) => {
  await scene.survives(`no way to ${server}`, async () => {
    proxies[server].refuse()
    await delay(5_000)
    proxies[server].pass()
  })
})
