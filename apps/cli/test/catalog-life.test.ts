import { catalogFromJson, type CatalogJson } from '@freshet/catalog'
import {
  decode,
  encodeAccessStats,
  encodeCatalog,
  encodeCatalogRetired,
  encodeCatalogStatus,
  topics as topicNames,
  topicSpecs,
} from '@freshet/events'
import type { OutgoingRecord } from '@freshet/kafka'
import { lsn } from '@freshet/pgoutput'
import { FakeKafkaServer, FakeRedisServer } from '@freshet/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { standingsOf } from '../src/catalog/catalog-states.js'
import { catalogsJson, printCatalogs } from '../src/catalog/list-catalogs.js'
import { readCatalogs, readRegistered } from '../src/catalog/registered.js'
import { retireCatalogs, type RetireOptions } from '../src/catalog/retire-catalogs.js'
import type { Terminal } from '../src/terminal.js'

const topics = topicNames()
const source = 'freshet/test'
const documentOf = (version: string, ...templates: readonly string[]): CatalogJson => ({
  format: 1,
  owner: 'shop',
  version,
  tables: { 'public.sales': { entity: 'sale', key: ['id'], columns: { id: 'id' } } },
  templates: Object.fromEntries(templates.map((name) => [name, { template: `${name}:{id}`, ttl: '1h' }])),
  rules: templates.map((name) => ({ on: { table: 'public.sales' }, fences: [{ key: name, with: { id: 'id' } }] })),
})
const fingerprintOf = (document: CatalogJson): string => catalogFromJson(document).fingerprint

let server: FakeKafkaServer
let redis: FakeRedisServer
beforeEach(async () => {
  server = new FakeKafkaServer()
  redis = new FakeRedisServer()
  await server.connect().admin.ensureTopics(topicSpecs('', [], { partitions: 1 }))
})

const send = (record: OutgoingRecord): void => void server.append([record])
const register = (document: CatalogJson): void =>
  send({ topic: topics.catalogs, ...encodeCatalog({ source, catalog: { ...document } }) })
const accept = (document: CatalogJson): void =>
  send({
    topic: topics.catalogStatus,
    ...encodeCatalogStatus({ ...answerTo(document), state: 'accepted', lsn: lsn(20n), parameterKinds: {} }),
  })
const retired = (document: CatalogJson): void =>
  send({
    topic: topics.catalogStatus,
    ...encodeCatalogStatus({ ...answerTo(document), state: 'retired', lsn: lsn(30n) }),
  })
const answerTo = (document: CatalogJson) => ({
  source,
  owner: document.owner,
  version: document.version,
  fingerprint: fingerprintOf(document),
})
async function bringIntoForce(document: CatalogJson): Promise<void> {
  register(document)
  accept(document)
  const { owner, version } = document
  const record = { owner, version, fingerprint: fingerprintOf(document), lsn: lsn(20n), parameterKinds: {} }
  await redis.connect().fences.session().putCatalogInForce(record)
}

const standings = async () =>
  standingsOf(await readCatalogs(server.connect(), ''), await redis.connect().fences.session().catalogsInForce())

describe('catalog list', () => {
  it('says how strong the fences of topics are that others write', async () => {
    const sales = {
      entity: 'sale',
      key: ['id'],
      columns: { id: 'id' },
      from: { debezium: 'shop.sales', slot: 'debezium' },
    }
    const events = { 'sale.voided': { parameters: { id: 'int8' as const }, topic: 'voids' } }
    register({ ...documentOf('1', 'sale'), tables: { 'public.sales': sales }, events })
    const found = await standings()
    const printed: string[] = []
    printCatalogs({ print: (line) => printed.push(line), note: () => undefined }, found)
    expect(printed.slice(-2)).toEqual([
      'shop@1: reads shop.sales, full strength',
      'shop@1: reads voids, lease strength',
    ])
    expect(JSON.parse(catalogsJson(found))).toMatchObject([
      {
        topics: [
          { topic: 'shop.sales', strength: 'full' },
          { topic: 'voids', strength: 'lease' },
        ],
      },
    ])
  })

  it('says of every catalog where it stands, since which LSN and when, and why it is refused', async () => {
    await bringIntoForce(documentOf('1', 'sale'))
    register(documentOf('2', 'sale'))
    accept(documentOf('2', 'sale'))
    register(documentOf('3', 'sale'))
    register(documentOf('4', 'sale'))
    const faults = [
      { code: 'table-missing', path: 'tables["public.sales"]', message: 'there is no table', fix: 'create it' },
    ]
    const refused = { ...answerTo(documentOf('4', 'sale')), state: 'refused', faults } as const
    send({ topic: topics.catalogStatus, ...encodeCatalogStatus(refused) })
    await bringIntoForce(documentOf('10', 'sale'))
    send({ topic: topics.catalogs, ...encodeCatalogRetired({ source, owner: 'shop', version: '10' }) })
    register(documentOf('11', 'sale'))
    send({ topic: topics.catalogs, ...encodeCatalogRetired({ source, owner: 'shop', version: '11' }) })
    retired(documentOf('11', 'sale'))

    const found = await standings()
    expect(found.map(({ version, state, lsn: since }) => [version, state, since])).toEqual([
      ['1', 'in-force', 20n],
      ['2', 'accepted', 20n],
      ['3', 'pending', undefined],
      ['4', 'refused', undefined],
      ['10', 'retiring', 20n],
      ['11', 'retired', 30n],
    ])
    const printed: string[] = []
    printCatalogs({ print: (line) => printed.push(line), note: () => undefined }, found)
    expect(printed[1]).toMatch(/^shop +1 +in force +0\/14 +\d{4}-\d\d-\d\dT[\d:.]+Z +[\da-f]{64}$/)
    expect(printed.slice(-2)).toEqual([
      'shop@4: 1 fault',
      '  tables["public.sales"]: there is no table; create it [table-missing]',
    ])
    const json = JSON.parse(catalogsJson(found)) as readonly object[]
    expect(json[2]).toEqual({
      owner: 'shop',
      version: '3',
      state: 'pending',
      fingerprint: null,
      lsn: null,
      since: null,
      faults: [],
      topics: [],
    })
    expect(json[5]).toMatchObject({ state: 'retired', lsn: '0/1E', since: expect.stringContaining('T') as string })
  })

  it('goes on showing the accepted content when other content is registered under its version', async () => {
    await bringIntoForce(documentOf('1', 'sale'))
    register(documentOf('1', 'other'))
    expect(await standings()).toMatchObject([
      { state: 'in-force', fingerprint: fingerprintOf(documentOf('1', 'sale')) },
    ])
    expect(await readRegistered(server.connect(), '')).toMatchObject([{ catalog: { templates: { sale: {} } } }])
  })
})

describe('catalog retire', () => {
  const options: RetireOptions = {
    topicPrefix: '',
    namespace: 'test',
    hotKeys: { among: 1_000, moreThan: 100, windowMs: 3_600_000 },
    yes: true,
    timeoutMs: 5_000,
  }
  let lines: string[]
  const terminal: Terminal = { print: (line) => lines.push(line), note: (line) => lines.push(line) }
  beforeEach(() => (lines = []))

  const retire = (wanted: string, change: Partial<RetireOptions> = {}, on: Terminal = terminal) =>
    retireCatalogs(
      on,
      wanted,
      { kafka: server.connect(), redis: redis.connect().fences.session() },
      { ...options, ...change },
    )
  const written = () =>
    server
      .logs(topics.catalogs)
      .flatMap(({ records }) =>
        records.map(({ value }) => decode(value, topics.catalogs)).filter(({ kind }) => kind === 'catalog-retired'),
      )
  /** Listener and service, as soon as the retirement is there. */
  async function answering(document: CatalogJson): Promise<void> {
    await expect.poll(written).toHaveLength(1)
    await redis.connect().fences.session().removeCatalogInForce(document.owner, document.version)
    retired(document)
  }
  const readOften = (template: string, key: string): void =>
    send({
      topic: topics.accessStats,
      ...encodeAccessStats({
        source,
        instance: 'one',
        owner: 'shop',
        endedAt: Date.now(),
        intervalMs: 1_000,
        keys: [{ template, key, count: 1_000 }],
        templates: {},
      }),
    })

  it('names the templates that nothing governs then, with their hot keys, and waits until all have seen it', async () => {
    await bringIntoForce(documentOf('1', 'sale', 'receipt'))
    await bringIntoForce(documentOf('2', 'sale'))
    readOften('receipt', 'receipt:7')
    readOften('sale', 'sale:7')
    const [agreed] = await Promise.all([retire('shop@1'), answering(documentOf('1', 'sale', 'receipt'))])
    expect(agreed).toBe(true)
    expect(lines.slice(0, 2)).toEqual(['Retires shop@1. Then no catalog governs:', '  receipt:{id}  1 hot'])
    expect(lines.join('\n')).not.toContain('  sale:{id}')
    expect(lines.at(-1)).toBe('shop@1 is retired since LSN 0/1E')
  })

  it('of an owner ends all versions', async () => {
    register(documentOf('1', 'sale'))
    register(documentOf('2', 'sale'))
    await expect(retire('shop', { timeoutMs: 1 })).rejects.toThrow('has not answered for shop@1, shop@2')
    expect(written()).toMatchObject([{ version: '1' }, { version: '2' }])
  })

  it('does nothing without a yes', async () => {
    await bringIntoForce(documentOf('1', 'sale'))
    expect(await retire('shop@1', { yes: false })).toBe(false)
    expect(lines.at(-1)).toContain('say --yes')
    expect(await retire('shop@1', { yes: false }, { ...terminal, confirm: () => Promise.resolve(false) })).toBe(false)
    expect(written()).toEqual([])
  })

  it('says who has not seen it, and that it stays', async () => {
    await bringIntoForce(documentOf('1', 'sale'))
    await expect(retire('shop@1', { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'RETIREMENT_TIMEOUT',
      unanswered: ['shop@1'],
      inForce: ['shop@1'],
    })
    expect(written()).toHaveLength(1)
  })

  it('of what is not registered names what is', async () => {
    register(documentOf('1', 'sale'))
    await expect(retire('shop@7')).rejects.toThrow('No catalog shop@7 is registered; registered are shop@1')
  })
})
