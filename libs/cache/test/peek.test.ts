import { expect, it } from 'vitest'
import { keys, World, type Balance } from './world/world.js'

const balance = keys.balance.of({ id: 42 })
const statement = keys.statement.of({ id: 42 })

async function openWorld() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const { cache, memory } = world.client({ l1: true })
  cache.loader(keys.balance, world.row<Balance>('42'))
  cache.loader(keys.statement, async () => ({ of: await cache.get(balance) }))
  return { world, cache, memory }
}

it('peeking at the source loads, also what the loader reads through the cache, and fills nothing', async () => {
  const { world, cache } = await openWorld()
  await cache.get(statement)
  world.primary.rows.set('42', { amount: 70 }) // not fenced yet: both layers still hold what they may not hold for long
  expect((await cache.peek('l2', statement))?.value).toEqual({ of: { amount: 50 } })
  const peeked = await cache.peek('source', statement)
  expect(peeked).toMatchObject({ value: { of: { amount: 70 } }, layer: 'source', vouched: false })
  expect(await cache.get(statement)).toEqual({ of: { amount: 50 } })
  expect(await cache.get(balance)).toEqual({ amount: 50 })
})

it('names the keys of what is in Redis, their parameters as text', async () => {
  const { cache } = await openWorld()
  await cache.get(statement)
  const found = []
  for await (const { template, parameters } of cache.keysInL2()) found.push({ template, parameters })
  expect(found).toHaveLength(2)
  expect(found).toEqual(
    expect.arrayContaining([
      { template: 'balance', parameters: { id: '42' } },
      { template: 'statement', parameters: { id: '42' } },
    ]),
  )
})

it('says when a value was loaded', async () => {
  const { cache } = await openWorld()
  const from = Date.now()
  await cache.get(balance)
  const { loadedAtMs } = await cache.read(balance)
  expect(loadedAtMs).toBeGreaterThanOrEqual(from)
  expect(loadedAtMs).toBeLessThanOrEqual(Date.now())
})
