import { templateTag, parseTemplate } from '@freshet/cache-keys'
import { createPlanner, describeKey } from '@freshet/planner'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistoryWorld, topic } from './history-world.js'
import { shop } from './shop.js'

const shardOfKey = (text: string): number => describeKey([shop], text)[0]?.shard ?? -1
const sale = (id: number, customer_id: number | null = 42) => ({ id, customer_id, status: 'open' })

describe('of a key it is said', () => {
  it('which change fenced it last: commit, row and rule, and when the change came where', async () => {
    const world = await HistoryWorld.open(shop)
    const before = world.change('insert', sale(1, 7)) // fenced together with it, and older
    const change = world.change('insert', sale(2))
    world.applied([before, change])
    const { lastFence } = await world.history('customer:42:balance')
    expect(lastFence).toMatchObject({
      tag: 'customer:42:balance',
      cause: 'change',
      change: {
        topic,
        partition: 0,
        offset: '1',
        type: 'sale.inserted',
        table: 'public.sales',
        operation: 'insert',
        row: { id: 2 },
        commit: { lsn: '0/14', xid: '720', at: '2023-11-14T22:13:20.020Z', index: 0 },
        rules: [{ owner: 'shop', version: '1', rule: 0 }],
      },
      hops: {
        committed: '2023-11-14T22:13:20.020Z',
        read: '2023-11-14T22:13:20.012Z',
        fenced: '2023-11-14T22:13:20.023Z',
      },
    })
    const { sent, published } = lastFence?.hops ?? {}
    expect(Date.parse(sent ?? '')).toBeLessThanOrEqual(Date.parse(published ?? ''))
  })

  it('by which derivations a rule reached it, and which event the rule rests on', async () => {
    const world = await HistoryWorld.open(shop)
    world.applied([world.change('insert', { ...sale(1), status: 'paid' })])
    const statement = await world.history('statement:42')
    expect(statement.lastFence?.change?.rules).toMatchObject([{ rule: 0, via: ['balance', 'statement'] }])
    const sales = await world.history('customer:42:sales:page=1')
    expect(sales.lastFence).toMatchObject({
      tag: 'customer:42:sales:*',
      change: { rules: [{ rule: 1, event: 'sale.paid' }] },
    })
  })

  it('not a later change that is published, and not fenced yet', async () => {
    const world = await HistoryWorld.open(shop)
    world.applied([world.change('insert', sale(1))])
    world.change('insert', sale(2))
    expect((await world.history('customer:42:balance')).lastFence?.change?.row).toEqual({ id: 1 })
  })

  it('that it was fenced by hand, or by a gap and which', async () => {
    const world = await HistoryWorld.open(shop)
    const shard = shardOfKey('customer:42:balance')
    world.fenced({ shard, tags: ['customer:42:*'], cause: 'hand', fencedAt: 1_000 })
    const byHand = await world.history('customer:42:balance')
    expect(byHand.lastFence).toMatchObject({
      tag: 'customer:42:*',
      cause: 'hand',
      hops: { fenced: '1970-01-01T00:00:01.000Z' },
    })
    const tags = [templateTag(parseTemplate('customer:{id}:balance')).text]
    world.fenced({ shard: 'all', tags, cause: 'gap', gap: 'slot-lost', fencedAt: 2_000 })
    expect((await world.history('customer:42:balance')).lastFence).toMatchObject({ cause: 'gap', gap: 'slot-lost' })
  })

  it('not what was fenced in another shard, or in a text that only begins like it', async () => {
    const world = await HistoryWorld.open(shop)
    const shard = shardOfKey('customer:42:balance')
    const other = templateTag(parseTemplate('customer:{id}:balance')).text
    world.fenced({ shard: (shard + 1) % 1_024, tags: [other], cause: 'hand', fencedAt: 1_000 })
    world.fenced({ shard, tags: ['customer:42:balances'], cause: 'hand', fencedAt: 1_000 })
    expect((await world.history('customer:42:balance')).lastFence).toBeUndefined()
  })

  it('that a tag which its value inherited was fenced', async () => {
    const world = await HistoryWorld.open(shop)
    world.applied([world.change('insert', sale(1, 7))])
    const inherited = { tag: 'customer:7:balance', shard: shardOfKey('customer:7:balance') }
    const { lastFence } = await world.history('customer:42:balance', [inherited])
    expect(lastFence).toMatchObject({ tag: 'customer:7:balance', change: { row: { id: 1 } } })
  })

  it('that its change can no longer be told, where the record is gone', async () => {
    const world = await HistoryWorld.open(shop)
    world.applied([world.change('insert', sale(1))])
    world.server.deleteRecords(topic, 0, 1n)
    const { lastFence } = await world.history('customer:42:balance')
    const batch = { topic, partition: 0, from: '0', to: '1' }
    expect(lastFence).toMatchObject({ tag: 'customer:42:balance', cause: 'change', batch })
    expect(lastFence?.change).toBeUndefined()
  })

  it('since when all is known: for an hour, or for as long as Kafka has kept it', async () => {
    const world = await HistoryWorld.open(shop)
    const before = Date.now()
    const { knownSince } = await world.history('customer:42:balance')
    expect(Date.parse(knownSince)).toBeGreaterThanOrEqual(before - 3_600_000)
    expect(Date.parse(knownSince)).toBeLessThanOrEqual(Date.now() - 3_600_000)

    const shard = shardOfKey('customer:42:balance')
    world.applied([world.change('insert', sale(1))])
    await world.letGo(shard)
    world.fenced({ shard, tags: ['customer:1:*'], cause: 'hand', fencedAt: 1_000 })
    const later = await world.history('customer:42:balance')
    expect(later.lastFence).toBeUndefined()
    expect(Date.parse(later.knownSince)).toBeGreaterThanOrEqual(before)
  })

  it('when its refresh is due that was asked for last', async () => {
    const world = await HistoryWorld.open(shop)
    const asked = { template: 'balance', key: 'customer:42:balance', priority: 1, notBefore: 3_000, deadline: 9_000 }
    world.refreshAsked({ ...asked, notBefore: 1_000 })
    world.refreshAsked(asked)
    world.refreshAsked({ ...asked, template: 'other' })
    world.refreshAsked({ ...asked, key: 'customer:7:balance', notBefore: 4_000 })
    const { refresh } = await world.history('customer:42:balance')
    expect(refresh).toMatchObject({
      notBefore: '1970-01-01T00:00:03.000Z',
      deadline: '1970-01-01T00:00:09.000Z',
      priority: 1,
    })
    expect((await world.history('customer:9:balance')).refresh).toBeUndefined()
  })
})

it('the change that is named is always the last that fences the key, however the service has batched them', async () => {
  const operation = fc.constantFrom('insert' as const, 'delete' as const)
  const row = fc.record({
    id: fc.integer({ min: 1, max: 3 }),
    customer_id: fc.constantFrom(1, 2, 3, null),
    status: fc.constantFrom('open', 'paid'),
  })
  const batches = fc.array(fc.array(fc.tuple(operation, row), { minLength: 1, maxLength: 4 }), { maxLength: 4 })
  const keys = [1, 2, 3].flatMap((id) => [`customer:${id}:balance`, `customer:${id}:sales:page=1`, `statement:${id}`])
  await fc.assert(
    fc.asyncProperty(batches, async (written) => {
      const world = await HistoryWorld.open(shop)
      const all = written.flatMap((batch) => {
        const changes = batch.map(([done, values]) => world.change(done, values))
        world.applied(changes)
        return changes
      })
      const planner = createPlanner([shop])
      for (const key of keys) {
        const tags = describeKey([shop], key)[0]?.tags ?? []
        const last = all.findLast((change) =>
          planner.planChange(change).fences.some(({ tag }) => tags.some(({ text }) => text === tag.text)),
        )
        const { lastFence } = await world.history(key)
        expect([key, lastFence?.change?.commit.xid]).toEqual([key, last && String(last.commit.xid)])
      }
    }),
    { numRuns: 25 },
  )
})
