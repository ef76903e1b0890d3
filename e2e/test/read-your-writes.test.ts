import { startSystem, type System } from '@freshet/demo'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tokenTraffic } from '../src/tokens/token-traffic.js'

let system: System

beforeAll(async () => {
  system = await startSystem({ members: 200, payments: 0, warmer: false })
})

afterAll(() => system?.stop())

it('read your writes: no instance answers a read with a state from before the commit whose token it carries', async () => {
  const urls = system.apis.map(({ url }) => url)
  const { writes, reads, layers, older, failures } = await tokenTraffic({ urls, members: 200, requests: 5_000 })
  process.stdout.write(`${writes} writes, ${reads} reads with a token; answered by ${JSON.stringify(layers)}\n`)
  expect({ older, failures }).toEqual({ older: [], failures: [] })
  expect(reads).toBeGreaterThan(3_500)
  // every layer answers tokens; a test in which all went past the layers would hold of itself
  expect(layers.l1).toBeGreaterThan(0)
  expect(layers.l2).toBeGreaterThan(0)
})
