import { setTimeout as delay } from 'node:timers/promises'
import { startSystem, type System } from '@freshet/demo'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest'
import { AppliedWatch } from '../src/fencing/applied.js'
import { checkEverything, keysOf, underTraffic } from '../src/fencing/traffic.js'

const world = { members: 150, payments: 600, organizations: 3 }
const keys = keysOf(world)

let system: System
let pool: pg.Pool
let watch: AppliedWatch

beforeAll(async () => {
  system = await startSystem({ ...world, environment: { FRESHET_DEMO: 'true' } })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 8 })
  pool.on('error', () => undefined) // the database is killed below
  watch = new AppliedWatch(pool, system.stack.redisUrl)
  await watch.applied()
})

afterAll(async () => {
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

const emptyRedis = async (): Promise<void> => {
  const redis = new Redis(system.stack.redisUrl)
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}

const disturbances: Readonly<Record<string, () => Promise<void>>> = {
  'nothing at all': async () => undefined,
  FLUSHALL: async () => {
    await emptyRedis()
    await delay(500)
    await emptyRedis()
  },
  'kill -9 of the invalidation service': async () => {
    await system.services.invalidation.kill('SIGKILL')
    await system.services.invalidation.start()
  },
  'kill -9 of the listener': async () => {
    await system.services.listener.kill('SIGKILL')
    await system.services.listener.start()
  },
  'an invalidation service that sleeps while another takes over, and wakes': async () => {
    const second = await system.launch('invalidation-service')
    await second.process.ready()
    await system.services.invalidation.kill('SIGSTOP')
    await watch.applied(30_000)
    await system.services.invalidation.start()
    await second.process.kill('SIGKILL')
  },
  'Redis killed, with all that it held': async () => {
    await system.stack.servers.redis.kill()
    await system.stack.servers.redis.start()
  },
  'Kafka killed': async () => {
    await system.stack.servers.kafka.kill()
    await system.stack.servers.kafka.start()
  },
  'Postgres killed': async () => {
    await system.stack.servers.postgres.kill()
    await system.stack.servers.postgres.start()
  },
}

/** What the services said last. */
const tellTails = (): void => {
  const { listener, invalidation } = system.services
  for (const service of [listener, invalidation])
    process.stdout.write(`${service.name}:\n${service.logTail(40).join('\n')}\n`)
}

it.for(Object.entries(disturbances))('%s in the middle of traffic leaves nothing stale', async ([name, happens]) => {
  onTestFailed(tellTails)
  const commits = await underTraffic(system, world, happens, { seed: name.length * 100 })
  await watch.applied(60_000)
  const held = async () => (await checkEverything(system, keys, pool)).map(({ layer, checked }) => ({ layer, checked }))
  for (const { layer, checked, stale } of await checkEverything(system, keys, pool))
    expect({ layer, stale, of: checked }).toEqual({ layer, stale: [], of: checked })
  // and caching goes on by itself
  await underTraffic(system, world, async () => undefined, { seed: name.length * 100 + 50, durationMs: 1_000 })
  await watch.applied()
  const verdicts = await checkEverything(system, keys, pool)
  for (const { layer, stale, checked } of verdicts)
    expect({ layer, stale, of: checked }).toEqual({ layer, stale: [], of: checked })
  for (const { checked } of verdicts) expect(checked).toBeGreaterThan(30)
  process.stdout.write(`${name}: ${commits} commits; ${JSON.stringify(await held())}\n`)
})
