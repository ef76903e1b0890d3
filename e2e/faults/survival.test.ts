import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open()
})

afterAll(() => scene?.close())

const emptyRedis = async (): Promise<void> => {
  const redis = new Redis(scene.system.stack.redisUrl)
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}

/** What can be killed, stopped for a while, or restarted. */
type Part = 'listener' | 'invalidation service' | 'warmer' | 'API' | 'Redis' | 'Kafka' | 'Postgres'

function partOf(part: Part) {
  const { services, stack, apis } = scene.system
  const { listener, invalidation, warmer } = services
  const api = apis[1]?.process
  if (!warmer || !api) throw new Error('the scene has a warmer and two instances of the API')
  const parts = {
    listener,
    'invalidation service': invalidation,
    warmer,
    API: api,
    Redis: stack.servers.redis,
    Kafka: stack.servers.kafka,
    Postgres: stack.servers.postgres,
  } as const
  return parts[part]
}

const everyService: readonly Part[] = ['listener', 'invalidation service', 'warmer', 'API']
const everyPart: readonly Part[] = [...everyService, 'Redis', 'Kafka', 'Postgres']

it.for(everyPart)('kill -9 of the %s in the middle of traffic leaves nothing stale', async (part) => {
  await scene.survives(`kill -9 of the ${part}`, async () => {
    await partOf(part).kill('SIGKILL')
    await partOf(part).start()
  })
})

it.for(everyPart)('the %s standing still for 10 s in the middle of traffic leaves nothing stale', async (part) => {
  await scene.survives(`SIGSTOP of the ${part}`, async () => {
    await partOf(part).kill('SIGSTOP')
    await delay(10_000)
    await partOf(part).start()
  })
})

it.for(everyPart)('a restart of the %s in the middle of traffic leaves nothing stale', async (part) => {
  await scene.survives(`restart of the ${part}`, async () => {
    await partOf(part).kill(part === 'Postgres' ? 'SIGINT' : 'SIGTERM') // Postgres would wait for its clients to go
    if (everyService.includes(part)) expect(partOf(part).logTail(1).join(), 'drained').toContain('"msg":"stopped"')
    await partOf(part).start()
  })
})

it('a Redis that is emptied, twice, leaves nothing stale', async () => {
  await scene.survives('FLUSHALL', async () => {
    await emptyRedis()
    await delay(500)
    await emptyRedis()
  })
})

it('an invalidation service that sleeps while another takes over, and wakes, leaves nothing stale', async () => {
  const { services } = scene.system
  await scene.survives('a sleeper whose work another has done', async () => {
    const second = await scene.system.launch('invalidation-service')
    await second.process.ready()
    await services.invalidation.kill('SIGSTOP')
    await scene.watch.applied(30_000)
    await services.invalidation.start()
    await second.process.kill('SIGKILL')
  })
})
