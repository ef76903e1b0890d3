import { startRedisCluster } from '@freshet/local-stack'
import { eventually } from '@freshet/testing/live'
import { expect, it, onTestFinished } from 'vitest'
import { RefillQueue } from '../src/queue/refill-queue.js'
import { RefillWorker } from '../src/queue/refill-worker.js'
import { requestFor } from './requests.js'

it('the queue lies on a Cluster as on one server', async () => {
  const cluster = await startRedisCluster()
  onTestFinished(() => cluster.stop())
  const place = { url: cluster.redisUrl, namespace: 'spread', owner: 'shop', onError: () => undefined }
  const queue = new RefillQueue({ ...place, attempts: 2, onWarning: () => undefined })
  onTestFinished(() => queue.close())
  const loads: string[] = []
  const worker = new RefillWorker({
    ...place,
    concurrency: 5,
    work: async ({ key }) => {
      loads.push(key)
      if (loads.length === 1) throw new Error('once')
      return { outcome: 'warmed' }
    },
    onDeadLetter: () => undefined,
  })
  onTestFinished(() => worker.close())

  await eventually(() => queue.isConnected, true)
  const deadline = Date.now() + 600_000
  const requests = Array.from({ length: 20 }, (_, item) => requestFor(String(item), { deadline }))
  await queue.put(requests, new AbortController().signal)
  await eventually(() => loads.length, 21)
  expect(new Set(loads).size).toBe(20)
  await eventually(() => queue.counts(), { waiting: 0, active: 0, delayed: 0, failed: 0 })
}, 60_000)
