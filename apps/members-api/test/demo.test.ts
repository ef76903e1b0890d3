import { OccurrenceCounter, type Cache, type Reading } from '@freshet/cache'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import { describe, expect, it } from 'vitest'
import { DemoController } from '../src/demo/demo.controller.js'
import { cachedRequest } from '../src/demo/demo.schemas.js'
import { FenceLatency } from '../src/demo/fence-latency.js'

const keyOf: Cache['key'] = (template, parameters) => {
  if (template !== 'balance') throw new KeyWithoutCatalogError(template, 'members-api')
  return { definition: { name: template, text: 'member:{id}:balance', options: { ttl: '1h' } }, template, parameters }
}
const reading: Reading<unknown> = {
  value: { amount: '70.00' },
  layer: 'l2',
  loadedAtMs: 7,
  ageMs: 12,
  ttlMs: 1_000,
  vouched: true,
  stale: false,
  strength: 'full',
  joined: false,
}

/** A client that holds member 1's balance in L1 and in L2, and member 2's in L2 alone. */
const client: Pick<Cache, 'key' | 'health' | 'peek' | 'keysInL1'> = {
  key: keyOf,
  health: () => ({ inForce: true, l1: 'sighted', l2: 'sighted' }),
  peek: async (layer, { parameters }: TypedKey) =>
    parameters['id'] === '1' || (layer === 'l2' && parameters['id'] === '2') ? reading : undefined,
  keysInL1: () => [keyOf('balance', { id: '1' })],
}
const controller = () => new DemoController(client as Cache, new OccurrenceCounter(), new FenceLatency())
const named = (id: string, template = 'balance') => ({ template, parameters: { id } })

describe('the demo can ask an instance', () => {
  it('what each layer would serve, in the order of the keys', async () => {
    const held = { value: { amount: '70.00' }, loadedAtMs: 7 }
    const keys = [named('2'), named('1'), named('3')]
    expect(await controller().cached({ layer: 'l1', keys })).toEqual({ values: [null, held, null] })
    expect(await controller().cached({ layer: 'l2', keys })).toEqual({ values: [held, held, null] })
  })

  it('for every key in L1, in the form that it is asked for again', () => {
    const answer: unknown = JSON.parse(JSON.stringify(controller().keysInL1()))
    expect(answer).toEqual({ keys: [named('1')] })
    expect(cachedRequest.parse({ layer: 'l1', ...(answer as object) })).toEqual({ layer: 'l1', keys: [named('1')] })
  })

  it('for its counts, hits and misses by template, refused fills by reason', () => {
    const counter = new OccurrenceCounter()
    counter.listener({ type: 'read:hit', template: 'balance', layer: 'l1' })
    counter.listener({ type: 'fill:refused', template: 'balance', reason: 'not-visible' })
    expect(new DemoController(client as Cache, counter, new FenceLatency()).counters()).toMatchObject({
      health: { inForce: true },
      templates: { balance: { hits: { l1: 1, l2: 0 }, refused: { 'not-visible': 1 } } },
    })
  })

  it('and is told which key names no template', async () => {
    const asked = controller().cached({ layer: 'l1', keys: [named('1'), named('1', 'balances')] })
    await expect(asked).rejects.toMatchObject({ details: { status: 400, errors: [{ field: 'keys.1.template' }] } })
  })
})

it('the time from a commit to its fence in this memory is kept for the report', () => {
  const latency = new FenceLatency()
  latency.listener({ type: 'l1:fenced', tags: 1, committedAt: Date.now() - 5 })
  latency.listener({ type: 'l1:fenced', tags: 1 }) // a gap has no commit
  expect(latency.samples).toHaveLength(1)
  expect(latency.samples[0]).toBeGreaterThanOrEqual(5)
})
