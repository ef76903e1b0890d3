import { setTimeout as delay } from 'node:timers/promises'
import { startSystem, type LayerVerdict, type System } from '@freshet/demo'
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
  expectNothingStale(await checkEverything(system, keys, pool))
  const stored = await cachingGoesOn(name.length * 100 + 50)
  expectNothingStale(await checkEverything(system, keys, pool))
  process.stdout.write(`${name}: ${commits} commits; values in ${stored}\n`)
})

function expectNothingStale(verdicts: readonly LayerVerdict[]): void {
  for (const { layer, stale } of verdicts) expect({ layer, stale }).toEqual({ layer, stale: [] })
}

/** Every layer comes back by itself: a memory as soon as its process hears of fences again. */
async function cachingGoesOn(seed: number): Promise<string> {
  const deadline = performance.now() + 30_000
  for (;;) {
    await underTraffic(system, world, async () => undefined, { seed, durationMs: 1_000 })
    await watch.applied()
    const held = (await checkEverything(system, keys, pool)).map(({ layer, checked }) => ({ layer, checked }))
    const told = held.map(({ layer, checked }) => `${layer} ${checked}`).join(', ')
    if (held.every(({ checked }) => checked > 30)) return told
    if (performance.now() > deadline) throw new Error(`not every layer holds values again within 30 s: ${told}`)
  }
}
