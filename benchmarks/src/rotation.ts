/**
 * What a fence costs a Redis: the ways of rotating a generation, over tags that nobody has cached and over tags that are
 * cached. Prints time and memory, a line each; docs/decisions has the figures that decided.
 *
 *   npm run build && npx node benchmarks/dist/rotation.js
 */
import { randomBytes } from 'node:crypto'
import { startRedis } from '@freshet/local-stack'
import { Redis } from 'ioredis'

const tagCount = 200_000
const batch = 1_000
const keysPerDel = 250
const ttlMs = 3_600_000

type Rotate = (redis: Redis, keys: readonly string[]) => Promise<unknown>

const generation = (): string => randomBytes(8).toString('base64url')

const ways: Readonly<Record<string, Rotate>> = {
  'DEL, a key a command': (redis, keys) => pipelined(redis, keys, (pipeline, key) => pipeline.del(key)),
  [`DEL, ${keysPerDel} keys a command`]: (redis, keys) => {
    const pipeline = redis.pipeline()
    for (let at = 0; at < keys.length; at += keysPerDel) pipeline.del(...keys.slice(at, at + keysPerDel))
    return pipeline.exec()
  },
  'SET with PX': (redis, keys) =>
    pipelined(redis, keys, (pipeline, key) => pipeline.set(key, generation(), 'PX', ttlMs)),
}

function pipelined(
  redis: Redis,
  keys: readonly string[],
  add: (pipeline: ReturnType<Redis['pipeline']>, key: string) => unknown,
): Promise<unknown> {
  const pipeline = redis.pipeline()
  for (const key of keys) add(pipeline, key)
  return pipeline.exec()
}

async function usedBytes(redis: Redis): Promise<number> {
  const memory = await redis.info('memory')
  return Number(/^used_memory:(\d+)/m.exec(memory)?.[1])
}

async function overAll(redis: Redis, keys: readonly string[], rotate: Rotate): Promise<number> {
  const from = performance.now()
  for (let at = 0; at < keys.length; at += batch) await rotate(redis, keys.slice(at, at + batch))
  return performance.now() - from
}

const mega = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

const server = await startRedis()
const redis = new Redis(server.redisUrl)
const keys = Array.from({ length: tagCount }, (_, id) => `{default:${id % 1_024}}:g:member:${id}:balance`)
try {
  for (const cached of [false, true]) {
    for (const [name, rotate] of Object.entries(ways)) {
      await redis.flushall('SYNC')
      const empty = await usedBytes(redis)
      if (cached) await overAll(redis, keys, ways['SET with PX'] ?? rotate)
      const tookMs = await overAll(redis, keys, rotate)
      const left = (await usedBytes(redis)) - empty
      const perSecond = Math.round(tagCount / tookMs)
      const tags = cached ? 'cached' : 'uncached'
      process.stdout.write(
        `${tagCount} ${tags} tags, ${name}: ${Math.round(tookMs)} ms (${perSecond} k/s), ${mega(left)} left\n`,
      )
    }
  }
} finally {
  redis.disconnect()
  await server.stop()
}
