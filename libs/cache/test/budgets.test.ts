import { key, catalog } from '@freshet/catalog'
import { expect, it } from 'vitest'
import { budgetsOf } from '../src/budget.js'
import { keys, World, worldCatalog, type Balance, type ClientOptions } from './world/world.js'

const balance = keys.balance.of({ id: 42 })

async function openWorld(budgets: NonNullable<ClientOptions['budgets']>, l1 = false) {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const client = world.client({ l1, budgets })
  await client.cache.get(balance, world.row<Balance>('42'))
  const read = () => client.cache.read(balance, world.row<Balance>('42'))
  /** No watermark for so long: the services, or what is between them, have stopped. */
  const silentFor = (ms: number) => {
    const mark = { ...world.primary.watermark(), databaseTimeMs: Date.now() - ms }
    for (const sight of [client.sight, client.l2Sight]) sight.heard(0, mark)
  }
  return { world, client, read, silentFor }
}

it('Redis does not answer once it is further behind than the budget, and does again when it has caught up', async () => {
  const { read, silentFor } = await openWorld({ l2: { maxLagMs: 2_000 } })
  expect(await read()).toMatchObject({ layer: 'l2' })
  silentFor(2_500)
  expect(await read()).toMatchObject({ layer: 'source', missed: 'blind', vouched: true })
  silentFor(100)
  expect(await read()).toMatchObject({ layer: 'l2' })
})

it('a budget of one template is its own', async () => {
  const { client, world, silentFor } = await openWorld({
    l2: { maxLagMs: 2_000 },
    templates: { profile: { l2: { maxLagMs: 10_000 } } },
  })
  const profile = () => client.cache.read(keys.profile.of({ id: 42 }), async () => ({ name: 'Ada' }))
  await profile()
  silentFor(5_000)
  expect(await profile()).toMatchObject({ layer: 'l2' })
  expect(await client.cache.read(balance, world.row<Balance>('42'))).toMatchObject({ layer: 'source' })
})

it('told to serve all the same, a layer goes on answering', async () => {
  const serving = { maxLagMs: 1_000, whenBlind: 'serve' } as const
  const { read, silentFor, client } = await openWorld({ l1: serving, l2: serving }, true)
  silentFor(90_000)
  expect(await read()).toMatchObject({ layer: 'l1' })
  expect(await client.cache.read(balance, () => ({ amount: 0 }), { fresh: true })).toMatchObject({ layer: 'l2' })
  expect(client.cache.health()).toMatchObject({ l1: 'behind', l2: 'behind' })
})

it('a layer whose clock is wrong answers nothing, however young its watermark seems', async () => {
  const { read, client } = await openWorld({ l2: { maxLagMs: 2_000 } })
  client.l2Sight.measured(3_600_000)
  expect(await read()).toMatchObject({ layer: 'source', missed: 'blind' })
  expect(client.occurrences).toContainEqual({ type: 'l2:blind', cause: 'clock-skew' })
})

it('a token says how far Redis has come, not how far it is behind by now', async () => {
  const { world, client, silentFor } = await openWorld({ l2: { maxLagMs: 2_000 } })
  await world.apply()
  const token = await client.cache.token()
  const read = () => client.cache.read(balance, world.row<Balance>('42'), { token })
  expect(await read()).toMatchObject({ layer: 'l2' })
  silentFor(5_000)
  expect(await read()).toMatchObject({ layer: 'source', missed: 'blind' })
})

it('strict templates have 2 s everywhere, those with a window 30 s in Redis', () => {
  const mixed = catalog('mixed', {
    version: '1',
    keys: {
      strict: key('strict:{id}', { ttl: '1h', exact: true }),
      lenient: key('lenient:{id}', { ttl: '1h', exact: true, staleWhileRevalidate: '5s' }),
    },
    rules: [],
  })
  const budgets = budgetsOf(mixed, { l1: {}, l2: {} })
  expect(budgets.get('strict')).toMatchObject({ l1: { maxLagMs: 2_000 }, l2: { maxLagMs: 2_000, whenBlind: 'source' } })
  expect(budgets.get('lenient')).toMatchObject({ l1: { maxLagMs: 2_000 }, l2: { maxLagMs: 30_000 } })
})

it('budgets of templates that there are not are refused, all at once', () => {
  const templates = { balance: {}, ballance: {}, x: {} }
  expect(() => budgetsOf(worldCatalog, { l1: {}, l2: {}, templates })).toThrow(
    expect.objectContaining({ code: 'BUDGET_UNKNOWN_TEMPLATE', templates: ['ballance', 'x'] }),
  )
})
