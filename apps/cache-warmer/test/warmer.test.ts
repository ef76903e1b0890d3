import { startRedis, type RedisAlone } from '@freshet/local-stack'
import { eventually } from '@freshet/testing/live'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { Breakers } from '../src/pace/breakers.js'
import { evictionWarning, queueName, queuePrefix } from '../src/queue/connect-queue.js'
import { RefillQueue } from '../src/queue/refill-queue.js'
import { RefillWorker, type DeadLetter } from '../src/queue/refill-worker.js'
import { Warmer, type RefillEnded } from '../src/warmer.js'
import { refreshOf, requestFor } from './requests.js'

vi.setConfig({ testTimeout: 30_000 }) // longer than `eventually`, which says what it saw

const never = new AbortController().signal
const items = (count: number) => Array.from({ length: count }, (_, item) => String(item))

let redis: RedisAlone
beforeAll(async () => {
  redis = await startRedis()
}, 60_000)
afterAll(() => redis?.stop())

let place: { readonly url: string; readonly namespace: string; readonly owner: string }
let queue: RefillQueue
let workers: RefillWorker[]
let ended: RefillEnded[]
let dead: DeadLetter[]
let worlds = 0

beforeEach(() => {
  place = { url: redis.redisUrl, namespace: `world-${++worlds}`, owner: 'shop' }
  queue = open(place.url)
  workers = []
  ended = []
  dead = []
})
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()))
  await queue.close()
})

const open = (url: string): RefillQueue =>
  new RefillQueue({ ...place, url, attempts: 3, onError: () => undefined, onWarning: () => undefined })

/** A warmer that answers each read so. */
function start(
  answer: Parameters<typeof refreshOf>[0],
  options: { concurrency?: number; windowMs?: number } = {},
): RefillWorker {
  const warmer = new Warmer(refreshOf(answer, { windowMs: options.windowMs ?? 0 }), 'shop', new Breakers(), (one) =>
    ended.push(one),
  )
  const worker = new RefillWorker({
    ...place,
    concurrency: options.concurrency ?? 50,
    lockMs: 1_000,
    work: (job) => warmer.refillOne(job),
    holdBackMs: (job, nowMs) => warmer.holdBackMs(job, nowMs),
    onDeadLetter: (letter) => dead.push(letter),
    onError: () => undefined,
  })
  workers.push(worker)
  return worker
}

async function put(...requests: ReturnType<typeof requestFor>[]): Promise<void> {
  await eventually(() => queue.isConnected, true)
  await queue.put(requests, never)
}

/** How often each job that is delayed was tried. */
async function attemptsOfDelayed(): Promise<readonly number[]> {
  const connection = new Redis(place.url)
  const jobs = new Queue(queueName(place.owner), { connection, prefix: queuePrefix(place.namespace) })
  try {
    return (await jobs.getDelayed()).map(({ attemptsMade }) => attemptsMade)
  } finally {
    await jobs.close()
    connection.disconnect()
  }
}

const outcomes = () => ended.map(({ outcome }) => outcome).sort()
const inTime = { deadline: Date.now() + 600_000 }

it('every request of a batch is served, however many fail on the way', async () => {
  start(async ({ parameters }) => {
    if (parameters['item'] === '3') throw new Error('the source is down')
    return {}
  })
  await put(...items(10).map((item) => requestFor(item)))
  await eventually(outcomes, ['failed', ...Array<string>(9).fill('warmed')])
})

it('never asks more of the source at once than the limit', async () => {
  let running = 0
  let most = 0
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  start(
    async () => {
      most = Math.max(most, ++running)
      await gate
      running--
      return {}
    },
    { concurrency: 5 },
  )
  await put(...items(30).map((item) => requestFor(item, inTime)))
  await eventually(() => running, 5)
  release()
  await eventually(() => ended.length, 30)
  expect(most).toBe(5)
})

it('a key that is asked for often before it is loaded is loaded once', async () => {
  await put(requestFor('1', inTime))
  await put(requestFor('1', inTime), requestFor('2', inTime))
  await put(requestFor('1', inTime))
  start(async () => ({}))
  await eventually(outcomes, ['warmed', 'warmed'])
  await eventually(() => queue.counts(), { waiting: 0, active: 0, delayed: 0, failed: 0 })
  expect(outcomes()).toEqual(['warmed', 'warmed'])
})

it('a key that is asked for while it is being loaded is loaded once more: the change may have come after the load', async () => {
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  let loads = 0
  start(async () => {
    if (++loads === 1) await gate
    return {}
  })
  await put(requestFor('1', inTime))
  await eventually(() => loads, 1)
  await put(requestFor('1', inTime))
  release()
  await eventually(outcomes, ['warmed', 'warmed'])
})

/** The times at which a key was loaded. */
function startNoting(answer: (read: number) => Promise<object> = async () => ({})): readonly number[] {
  const times: number[] = []
  start(() => answer(times.push(Date.now())))
  return times
}

it('a refresh that is asked for while the one before it waits for its turn is done too, at its own time', async () => {
  const notBefore = Date.now() + 1_000
  await put(requestFor('1', inTime))
  await put(requestFor('1', { ...inTime, notBefore }))
  const times = startNoting()
  await eventually(outcomes, ['warmed', 'warmed'])
  expect(times[0]).toBeLessThan(notBefore)
  expect(times[1]).toBeGreaterThanOrEqual(notBefore)
})

it('a refresh that is asked for while the one before it waits for its next attempt is done too, at its own time', async () => {
  const times = startNoting(async (read) => {
    if (read === 1) throw new Error('the source is down')
    return {}
  })
  await put(requestFor('1', inTime))
  await eventually(outcomes, ['failed'])
  const notBefore = Date.now() + 2_000 // the pause is 1 s at most
  await put(requestFor('1', { ...inTime, notBefore }))
  await put(requestFor('1', { ...inTime, notBefore: notBefore + 1_000 })) // as one with it
  await eventually(outcomes, ['failed', 'warmed', 'warmed'])
  expect(times[1]).toBeLessThan(notBefore)
  expect(times[2]).toBeGreaterThanOrEqual(notBefore)
  await eventually(() => queue.counts(), { waiting: 0, active: 0, delayed: 0, failed: 0 })
})

it('a load that takes its time does not put off the refresh that was asked for meanwhile', async () => {
  const gate = Promise.withResolvers<void>()
  const times = startNoting(async (read) => {
    if (read === 1) await gate.promise
    return {}
  })
  await put(requestFor('1', inTime))
  await eventually(() => times.length, 1)
  const notBefore = Date.now() + 500
  await put(requestFor('1', { ...inTime, notBefore }))
  await eventually(() => times.length, 2)
  gate.resolve()
  await eventually(outcomes, ['warmed', 'warmed'])
  expect(times[1]).toBeGreaterThanOrEqual(notBefore)
})

it('a request is not served before its time', async () => {
  const notBefore = Date.now() + 300
  let servedAt = 0
  start(async () => {
    servedAt = Date.now()
    return {}
  })
  await put(requestFor('1', { ...inTime, notBefore }))
  await eventually(outcomes, ['warmed'])
  expect(servedAt).toBeGreaterThanOrEqual(notBefore)
})

it('a request for sooner brings a waiting one forward, one for later does not put it off', async () => {
  const far = Date.now() + 3_600_000
  await put(requestFor('1', { notBefore: far, deadline: far + 1 }))
  await put(requestFor('2', { notBefore: 0, ...inTime }))
  await put(requestFor('1', { notBefore: 0, ...inTime }), requestFor('2', { notBefore: far, deadline: far + 1 }))
  start(async () => ({}))
  await eventually(outcomes, ['warmed', 'warmed'])
})

it('a request that waits past its deadline is worth nothing, unless it was asked for again', async () => {
  await put(requestFor('1', { deadline: 1 }), requestFor('2', { deadline: 1 }))
  await put(requestFor('2', inTime))
  start(async () => ({}))
  await eventually(outcomes, ['late', 'warmed'])
})

it('the more urgent is loaded first', async () => {
  const served: unknown[] = []
  await put(requestFor('low', { ...inTime, priority: 1 }), requestFor('high', { ...inTime, priority: 9 }))
  await put(requestFor('raised', { ...inTime, priority: 0 }))
  await put(requestFor('raised', { ...inTime, priority: 20 }))
  start(
    async ({ parameters }) => {
      served.push(parameters['item'])
      return {}
    },
    { concurrency: 1 },
  )
  await eventually(() => served, ['raised', 'high', 'low'])
})

it('a refill that another change came in between of is tried again at once', async () => {
  let reads = 0
  start(async () => (++reads < 3 ? { refused: 'not-visible' } : {}))
  await put(requestFor('1', inTime))
  const askedMs = performance.now()
  await eventually(outcomes, ['refused', 'refused', 'warmed'])
  expect(performance.now() - askedMs).toBeLessThan(900) // the pauses are 5 and 20 ms
  expect(dead).toEqual([])
})

it('a refill that fails at its last attempt is kept among the failed, said once, and can be asked for again', async () => {
  let isDown = true
  start(async () => (isDown ? { refused: 'history-lost' } : {}))
  await put(requestFor('1', inTime))
  await eventually(
    () => dead.map(({ template, attempts }) => ({ template, attempts })),
    [{ template: 'price', attempts: 3 }],
  )
  expect(dead[0]?.error.message).toMatch('history-lost')
  expect(await queue.counts()).toMatchObject({ failed: 1 })
  isDown = false
  await put(requestFor('1', inTime))
  await eventually(outcomes, ['refused', 'refused', 'refused', 'warmed'])
  expect(dead).toHaveLength(1)
})

it('a template whose loads fail is left alone for a while, and what waits for it loses no attempt', async () => {
  start(() => Promise.reject(new Error('the source is down')), { concurrency: 1 })
  await put(...items(20).map((item) => requestFor(item, inTime)))
  await eventually(() => ended.length, 5)
  await eventually(() => queue.counts(), { waiting: 0, active: 0, delayed: 20, failed: 0 })
  expect(outcomes()).toEqual(Array<string>(5).fill('failed'))
  expect([...(await attemptsOfDelayed())].sort()).toEqual([...Array<number>(15).fill(0), ...Array<number>(5).fill(1)])
})

it('a refresh that comes too early, since a reader has just loaded the value, is done when that window nears its end', async () => {
  const windowMs = 40_000
  const loadedAtMs = Date.now() - 0.89 * windowMs
  let servedAt = 0
  start(
    async (_key, { fresh }) => {
      if (!fresh) return { layer: 'l2', stale: true, vouched: false, loadedAtMs }
      servedAt = Date.now()
      return {}
    },
    { windowMs },
  )
  await put(requestFor('1')) // its deadline is that of the value before
  await eventually(outcomes, ['early', 'warmed'])
  expect(servedAt).toBeGreaterThanOrEqual(Math.floor(loadedAtMs + 0.95 * windowMs))
  await eventually(() => queue.counts(), { waiting: 0, active: 0, delayed: 0, failed: 0 })
})

it('two warmers share the work, and each key is loaded by one of them', async () => {
  start(async () => ({}), { concurrency: 2 })
  start(async () => ({}), { concurrency: 2 })
  await put(...items(100).map((item) => requestFor(item, inTime)))
  await eventually(() => queue.counts(), { waiting: 0, active: 0, delayed: 0, failed: 0 })
  expect(ended).toHaveLength(100)
})

it('while the queue cannot be reached a batch is refused, so that its offset stays', async () => {
  const away = open('redis://127.0.0.1:1')
  await expect(away.put([requestFor('1')], never)).rejects.toThrow()
  expect(away.isConnected).toBe(false)
  await away.close()
})

it('a batch that is taken away ends at once', async () => {
  await expect(queue.put([requestFor('1')], AbortSignal.abort())).rejects.toThrow('aborted')
})

it('a server that may evict jobs is warned of, with what mends it', () => {
  expect(evictionWarning('# Memory\r\nmaxmemory_policy:noeviction\r\n')).toBeUndefined()
  const warning = evictionWarning('# Memory\r\nmaxmemory_policy:volatile-lru\r\n')
  expect(warning).toMatch(/volatile-lru.*CONFIG SET maxmemory-policy noeviction.*FRESHET_QUEUE_REDIS_URL/)
})
