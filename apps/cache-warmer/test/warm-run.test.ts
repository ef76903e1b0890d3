import { startRedis, type RedisAlone } from '@freshet/local-stack'
import { eventually } from '@freshet/testing/live'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { Breakers } from '../src/pace/breakers.js'
import { queueName, queuePrefix } from '../src/queue/connect-queue.js'
import { RefillQueue, type QueuePlace } from '../src/queue/refill-queue.js'
import { RefillWorker } from '../src/queue/refill-worker.js'
import { QueueUnreachableError, WarmerAbsentError, warmRun, type RunKey } from '../src/runs/index.js'
import type { WarmRunOptions } from '../src/runs/warm-run.js'
import { Warmer } from '../src/warmer.js'
import { refreshOf, requestFor } from './requests.js'

vi.setConfig({ testTimeout: 30_000 }) // longer than `eventually`, which says what it saw

let redis: RedisAlone
beforeAll(async () => {
  redis = await startRedis()
}, 60_000)
afterAll(() => redis?.stop())

let place: QueuePlace
let workers: RefillWorker[]
let ends: Map<string, number>
let reasons: string[]
let interrupted: AbortController
let worlds = 0

beforeEach(() => {
  place = { url: redis.redisUrl, namespace: `run-${++worlds}`, owner: 'shop' }
  workers = []
  ends = new Map()
  reasons = []
  interrupted = new AbortController()
})
afterEach(() => Promise.all(workers.map((worker) => worker.close())))

/** A warmer that answers each read so. */
function start(answer: Parameters<typeof refreshOf>[0], concurrency = 50): void {
  const warmer = new Warmer(refreshOf(answer), 'shop', new Breakers(), () => undefined)
  workers.push(
    new RefillWorker({
      ...place,
      concurrency,
      work: (job) => warmer.refillOne(job),
      holdBackMs: (job, nowMs) => warmer.holdBackMs(job, nowMs),
      onDeadLetter: () => undefined,
      onError: () => undefined,
    }),
  )
}

const keyOf = (item: number | string, template = 'price'): RunKey => ({
  owner: 'shop',
  template,
  key: `item:${item}:${template}`,
  parameters: { item: String(item) },
})

/** Runs to its end; what became of the keys stands in `ends`. */
const run = (chunks: AsyncIterable<readonly RunKey[]>, options: Partial<WarmRunOptions> = {}): Promise<void> =>
  warmRun(chunks, {
    url: place.url,
    namespace: place.namespace,
    signal: interrupted.signal,
    onEnded: ({ outcome, times, reason }) => {
      ends.set(outcome, (ends.get(outcome) ?? 0) + times)
      if (reason !== undefined) reasons.push(reason)
    },
    ...options,
  })

async function* chunksOf(count: number, size = 100): AsyncIterable<readonly RunKey[]> {
  for (let at = 0; at < count; at += size)
    yield Array.from({ length: Math.min(size, count - at) }, (_, place) => keyOf(at + place))
}

async function withJobs<T>(look: (jobs: Queue) => Promise<T>): Promise<T> {
  const connection = new Redis(place.url)
  const jobs = new Queue(queueName(place.owner), { connection, prefix: queuePrefix(place.namespace) })
  try {
    return await look(jobs)
  } finally {
    await jobs.close()
    connection.disconnect()
  }
}

const waiting = () => withJobs(async (jobs) => (await jobs.getPrioritized()).length)

it('tells of each key what became of it, and why', async () => {
  start(async ({ parameters }) => {
    const item = Number(parameters['item'])
    if (item === 5) throw new Error('no such item')
    return item < 5 ? { layer: 'l2' } : item === 6 ? { refused: 'history-lost' } : {}
  })
  await run(
    (async function* () {
      yield* chunksOf(500)
      yield [keyOf(1, 'stock')]
    })(),
  )
  expect(Object.fromEntries(ends)).toEqual({ fresh: 5, failed: 1, refused: 1, foreign: 1, warmed: 493 })
  expect(reasons.sort()).toEqual(['history-lost', 'no such item'])
})

it('asks for no more than it may have outstanding, so that a slow source slows the run and not the memory', async () => {
  let gate = Promise.withResolvers<void>()
  const opened = gate
  let listed = 0
  start(async () => {
    await gate.promise
    return {}
  }, 10)
  const running = run(
    (async function* () {
      for await (const keys of chunksOf(2_000)) {
        listed += keys.length
        yield keys
      }
    })(),
    { outstanding: 300 },
  )
  await eventually(() => listed, 400) // the last hundred waits for room
  const held = await withJobs((jobs) => jobs.getJobCounts('prioritized', 'active'))
  expect((held['prioritized'] ?? 0) + (held['active'] ?? 0)).toBe(300)
  gate = { ...gate, promise: Promise.resolve() }
  opened.resolve()
  await running
  expect(ends.get('warmed')).toBe(2_000)
})

it('an urgent refill is done before all keys of a run, also before those that were asked for earlier', async () => {
  const gate = Promise.withResolvers<void>()
  const served: unknown[] = []
  start(async ({ parameters }) => {
    if (served.push(parameters['item']) === 1) await gate.promise
    return {}
  }, 1)
  const running = run(chunksOf(50))
  await eventually(waiting, 49)
  const queue = new RefillQueue({ ...place, attempts: 3, onError: () => undefined, onWarning: () => undefined })
  await eventually(() => queue.isConnected, true)
  await queue.put([requestFor('urgent', { deadline: Date.now() + 60_000 })], new AbortController().signal)
  gate.resolve()
  await running
  await queue.close()
  expect(served[1]).toBe('urgent')
})

it('a key that is to be refreshed later anyway is loaded then, not sooner, and counted for the run', async () => {
  const queue = new RefillQueue({ ...place, attempts: 3, onError: () => undefined, onWarning: () => undefined })
  await eventually(() => queue.isConnected, true)
  const notBefore = Date.now() + 500
  await queue.put([requestFor('1', { notBefore, deadline: notBefore + 1 })], new AbortController().signal)
  let servedAt = 0
  start(async () => {
    servedAt = Date.now()
    return {}
  })
  await run(
    (async function* () {
      yield [keyOf(1)]
    })(),
  )
  await queue.close()
  expect(servedAt).toBeGreaterThanOrEqual(notBefore)
  expect(Object.fromEntries(ends)).toEqual({ warmed: 1 })
})

it('a run asks for values that are kept longer where it is told to', async () => {
  const asked: unknown[] = []
  start(async (_, options) => {
    asked.push(options)
    return {}
  })
  await run(chunksOf(1), { ttlMs: 86_400_000 })
  expect(asked).toEqual([{ fresh: true, onlyIfStorable: true, ttlMs: 86_400_000 }])
})

it('an interrupted run takes back what nobody has begun, waits for what runs, and leaves what others asked for', async () => {
  const gate = Promise.withResolvers<void>()
  let running = 0
  start(async () => {
    running++
    await gate.promise
    return {}
  }, 5)
  let isListEnded = false
  const whole = run(
    (async function* () {
      try {
        yield* chunksOf(10_000)
      } finally {
        isListEnded = true
      }
    })(),
  )
  await eventually(() => running, 5)
  await eventually(waiting, 495)
  const queue = new RefillQueue({ ...place, attempts: 3, onError: () => undefined, onWarning: () => undefined })
  await eventually(() => queue.isConnected, true)
  await queue.put([{ ...requestFor('400'), deadline: Date.now() + 600_000 }], new AbortController().signal)
  interrupted.abort()
  await eventually(waiting, 1)
  gate.resolve()
  await whole
  await queue.close()
  expect(isListEnded, 'the list was closed').toBe(true)
  expect(ends.get('warmed')).toBeGreaterThanOrEqual(5)
  expect(ends.get('warmed')).toBeLessThanOrEqual(6)
})

it('where no warmer works the run says so, instead of waiting for ever', async () => {
  await expect(run(chunksOf(3), { patienceMs: 200 })).rejects.toThrow(WarmerAbsentError)
  expect(await waiting(), 'taken back').toBe(0)
})

/** How often the server was asked who is connected. */
async function looksForWarmers(): Promise<number> {
  const connection = new Redis(place.url)
  const stats = await connection.info('commandstats')
  connection.disconnect()
  return Number(/^cmdstat_client(?:\|list)?:calls=(\d+)/m.exec(stats)?.[1] ?? 0)
}

it('a slow warmer is waited for', async () => {
  const gate = Promise.withResolvers<void>()
  start(async () => {
    await gate.promise
    return {}
  })
  let isOver = false
  const running = run(chunksOf(3), { patienceMs: 50 }).finally(() => (isOver = true))
  const before = await looksForWarmers()
  await eventually(async () => (await looksForWarmers()) >= before + 3, true)
  expect(isOver).toBe(false)
  gate.resolve()
  await running
  expect(Object.fromEntries(ends)).toEqual({ warmed: 3 })
})

it('a key whose end nobody could hear is counted as unknown, and the run ends', async () => {
  const gate = Promise.withResolvers<void>()
  start(async ({ parameters }) => {
    if (parameters['item'] === '0') await gate.promise
    return {}
  })
  const running = run(chunksOf(2), { patienceMs: 100 })
  await eventually(() => ends.get('warmed'), 1)
  // as if its end had been trimmed from the events
  await withJobs(async (jobs) => {
    const connection = new Redis(place.url)
    for (const { id } of await jobs.getActive())
      await connection.del(`${queuePrefix(place.namespace)}:${queueName('shop')}:${id}`)
    connection.disconnect()
  })
  await running
  gate.resolve()
  expect(Object.fromEntries(ends)).toEqual({ warmed: 1, unknown: 1 })
})

it('a queue that cannot be reached is named with its variable', async () => {
  await expect(run(chunksOf(1), { url: 'redis://127.0.0.1:1' })).rejects.toThrow(QueueUnreachableError)
}, 15_000)
