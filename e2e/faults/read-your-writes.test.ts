import { setTimeout as delay } from 'node:timers/promises'
import { startSystem, type System } from '@freshet/demo'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sized } from '../src/full-size.js'
import { tokenTraffic } from '../src/tokens/token-traffic.js'

let system: System

beforeAll(async () => {
  system = await startSystem({ members: 400, payments: 0, warmer: false })
})

afterAll(() => system?.stop())

it('read your writes while services are killed: no read is older than its token', { timeout: 900_000 }, async () => {
  const { listener, invalidation } = system.services
  const ended = new AbortController()
  let kills = 0
  const killing = (async () => {
    for (let turn = 0; !ended.signal.aborted; turn++) {
      await delay(4_000, undefined, { signal: ended.signal }).catch(() => undefined)
      if (ended.signal.aborted) return
      const service = turn % 2 === 0 ? invalidation : listener
      await service.kill('SIGKILL')
      await service.start()
      kills += 1
    }
  })()
  const urls = system.apis.map(({ url }) => url)
  const requests = sized(100_000, 15_000)
  const tally = await tokenTraffic({ urls, members: 400, requests }).finally(() => ended.abort())
  await killing
  const { writes, reads, layers, older, failures } = tally
  process.stdout.write(
    `${writes} writes, ${reads} reads with a token, ${kills} kills; answered by ${JSON.stringify(layers)}\n`,
  )
  expect({ older, failures }).toEqual({ older: [], failures: [] })
  expect(writes + reads).toBeGreaterThan(0.99 * requests)
  expect(Math.min(layers.l1, layers.l2, kills)).toBeGreaterThan(0)
})
