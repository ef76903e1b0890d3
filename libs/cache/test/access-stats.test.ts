import { catalog, key } from '@freshet/catalog'
import { decode, topics, topicSpecs, type AccessStatsRecord } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { FakeKafkaServer } from '@freshet/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AccessReports } from '../src/access-reports.js'
import { AccessTally } from '../src/access-tally.js'
import { addressOf } from '../src/address.js'
import { createCache } from '../src/create-cache.js'
import { KafkaNotConfiguredError } from '../src/errors.js'
import type { Occurrence } from '../src/occurrence.js'
import type { Found } from '../src/reader.js'
import { keys, World, worldCatalog, type Balance } from './world/world.js'

const balance = keys.balance.of({ id: 42 })
const { accessStats: topic } = topics()

async function openClient() {
  const world = await World.open()
  world.primary.rows.set('42', { amount: 50 })
  const client = world.client({ l1: true, topKeys: 10 })
  const { cache, accesses } = client
  if (accesses === undefined) throw new Error('the client counts no reads')
  cache.loader(keys.balance, world.row<Balance>('42'))
  cache.loader(keys.statement, async () => ({ of: await cache.get(balance) }))
  return { world, client, cache, accesses }
}

describe('counting', () => {
  it('counts every read by its key, and by who answered it', async () => {
    const { world, cache, accesses } = await openClient()
    await cache.get(balance)
    for (let read = 0; read < 3; read++) await cache.get(balance)
    await cache.get(balance, { fresh: true })
    world.primary.rows.delete('7')
    const failing = cache.get(keys.balance.of({ id: 7 }), () => Promise.reject(new Error('no such row')))
    await expect(failing).rejects.toThrow('no such row')
    expect(accesses.take()).toEqual({
      keys: [
        { template: 'balance', key: 'member:42:balance', count: 5 },
        { template: 'balance', key: 'member:7:balance', count: 1 },
      ],
      templates: { balance: { l1: 3, l2: 1, missed: 2 } },
    })
    expect(accesses.take()).toBeUndefined()
  })

  it('counts what a loader reads through the cache', async () => {
    const { cache, accesses } = await openClient()
    await cache.get(keys.statement.of({ id: 42 }))
    expect(accesses.take()?.templates).toEqual({
      balance: { l1: 0, l2: 0, missed: 1 },
      statement: { l1: 0, l2: 0, missed: 1 },
    })
  })

  it('counts no checker that peeks at a layer or at the source, and no read inside a transaction of the caller', async () => {
    const { cache, accesses } = await openClient()
    await cache.get(keys.statement.of({ id: 42 }))
    accesses.take()
    for (const layer of ['l1', 'l2', 'source'] as const)
      expect(await cache.peek(layer, keys.statement.of({ id: 42 }))).toBeDefined()
    await cache.get(balance, () => ({ amount: 1 }), { inTransaction: true })
    expect(accesses.take()).toBeUndefined()
  })

  it('keeps a record below what a broker takes, however long the keys are', () => {
    const named = { note: key('note:{text}', { ttl: '1h', exact: true }).returns<string>() }
    const notes = catalog('notes', { version: '1', keys: named, rules: [] })
    const tally = new AccessTally(notes, 200)
    const found = [{}, { layer: 'l1', vouched: true }] as unknown as Found
    for (let note = 0; note < 100; note++)
      tally.count(addressOf(notes, named.note.of({ text: `${note} ${'x'.repeat(10_000)}` }), undefined), found)
    const { keys: reported, templates } = tally.take() ?? { keys: [], templates: {} }
    expect(reported.length).toBeGreaterThan(10)
    expect(JSON.stringify(reported).length).toBeLessThan(300_000)
    expect(templates).toEqual({ note: { l1: 100, l2: 0, missed: 0 } })
  })
})

describe('publishing', () => {
  const found = [{}, { layer: 'l1', vouched: true }] as unknown as Found
  const address = addressOf(worldCatalog, balance, undefined)

  async function openReports(kafka?: Pick<KafkaPort, 'producer'>, intervalMs = 5) {
    const server = new FakeKafkaServer()
    const port = server.connect()
    await port.admin.ensureTopics(topicSpecs('', [], { partitions: 2 }))
    const tally = new AccessTally(worldCatalog, 10)
    const occurrences: Occurrence[] = []
    const reports = new AccessReports({
      tally,
      kafka: async () => kafka ?? port,
      topic,
      owner: 'world',
      source: 'freshet/test/world',
      intervalMs,
      report: (occurrence) => occurrences.push(occurrence),
    })
    reports.start()
    onTestFinished(() => reports.close())
    const published = (): AccessStatsRecord[] =>
      server.logs(topic).flatMap(({ records }) =>
        records.map(({ value }) => {
          const record = decode(value)
          if (record.kind !== 'access-stats') throw new Error(`${record.kind} on ${topic}`)
          return record
        }),
      )
    const read = (times: number): void => {
      for (let one = 0; one < times; one++) tally.count(address, found)
    }
    return { server, reports, occurrences, published, read }
  }
  const countOf = (records: readonly AccessStatsRecord[]) =>
    records.flatMap((record) => record.keys).reduce((sum, { count }) => sum + count, 0)

  it('sends each interval once, under the name of this client, and nothing while nobody reads', async () => {
    const { server, published, read } = await openReports()
    const from = Date.now()
    read(3)
    await expect.poll(() => countOf(published())).toBe(3)
    read(4)
    await expect.poll(() => countOf(published())).toBe(7)
    expect(published()).toHaveLength(2)
    for (const record of published()) {
      expect(record).toMatchObject({ owner: 'world', source: 'freshet/test/world', keys: [{ template: 'balance' }] })
      expect(record.endedAt).toBeGreaterThanOrEqual(from)
      expect(record.endedAt).toBeLessThanOrEqual(Date.now())
    }
    const recordKeys = server.logs(topic).flatMap(({ records }) => records.map(({ key: of }) => of?.toString()))
    expect(recordKeys).toEqual(published().map(({ instance }) => instance))
    expect(new Set(recordKeys).size).toBe(1)
  })

  it('drops what Kafka does not take, tells of it once an interval, and goes on when it is back', async () => {
    const { server, occurrences, published, read } = await openReports()
    server.down = true
    read(3)
    await expect.poll(() => occurrences.map(({ type }) => type)).toEqual(['access-stats:failed'])
    server.down = false
    read(4)
    await expect.poll(() => countOf(published())).toBe(4)
    expect(occurrences).toHaveLength(1)
  })

  it('sends what is left when the client is closed', async () => {
    const { reports, published, read } = await openReports(undefined, 3_600_000)
    read(3)
    await reports.close()
    expect(countOf(published())).toBe(3)
  })

  it('does not hold up a client that is closed while Kafka does not answer', async () => {
    const silent: Pick<KafkaPort, 'producer'> = { producer: () => new Promise(() => undefined) }
    const { reports, read } = await openReports(silent, 3_600_000)
    read(3)
    const begun = performance.now()
    await reports.close()
    expect(performance.now() - begun).toBeLessThan(3_000)
  })

  it('is refused where there is no Kafka to publish to', async () => {
    const servers = { redis: 'redis://127.0.0.1:1', postgres: { url: 'postgres://127.0.0.1:1/none' } }
    await expect(createCache({ catalog: worldCatalog, ...servers, accessStats: {} })).rejects.toThrow(
      new KafkaNotConfiguredError('accessStats'),
    )
  })
})
