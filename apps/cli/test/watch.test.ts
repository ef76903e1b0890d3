import {
  encodeCatalog,
  encodeInvalidation,
  topics,
  topicSpecs,
  type Draft,
  type InvalidationRecord,
} from '@freshet/events'
import { bindKey, parseTemplate } from '@freshet/cache-keys'
import { lsn, xid } from '@freshet/pgoutput'
import { FakeKafkaServer } from '@freshet/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import { watchFences } from '../src/watch/watch.js'
import { freshet } from './command-line.js'

const shop = {
  format: 1,
  owner: 'shop',
  version: '1',
  tables: { 'public.sales': { entity: 'sale', key: ['id'], columns: { id: 'id', customerId: 'customer_id' } } },
  templates: { balance: { template: 'customer:{id}:balance', ttl: '1h' } },
  rules: [{ name: 'sale', on: { table: 'public.sales' }, fences: [{ key: 'balance', with: { id: 'customerId' } }] }],
}
const source = 'freshet/test'
const at = Date.parse('2026-03-14T09:26:53.589Z')
const fenceOf = (id: number, other: Partial<InvalidationRecord> = {}): Draft<InvalidationRecord> => ({
  source,
  shard: bindKey(parseTemplate('customer:{id}:balance'), { id }).shard,
  tags: [`customer:${id}:balance`],
  cause: 'change',
  commit: { lsn: lsn(0x1a2f4c8n), xid: xid(739n), at },
  fencedAt: at + 2,
  batch: { topic: 'sale.changes.v1', partition: 0, from: 4n, to: 5n, readAt: at + 1 },
  ...other,
})

async function watching(tag?: string, json = false) {
  const server = new FakeKafkaServer()
  const kafka = server.connect()
  onTestFinished(() => kafka.close())
  await kafka.admin.ensureTopics(topicSpecs('', ['sale'], { partitions: 2 }))
  server.append([{ topic: topics().catalogs, ...encodeCatalog({ source, catalog: shop }) }])
  const printed: string[] = []
  const noted: string[] = []
  const terminal = { print: (line: string) => printed.push(line), note: (line: string) => noted.push(line) }
  const ending = new AbortController()
  const ended = watchFences(terminal, { kafka, topicPrefix: '', tag, json, signal: ending.signal })
  ended.catch(() => undefined)
  const fence = (...drafts: readonly Draft<InvalidationRecord>[]): void =>
    server.append(drafts.map((draft) => ({ topic: topics().invalidations, ...encodeInvalidation(draft) })))
  const isWatching = () => vi.waitFor(() => expect(noted).toEqual(['watching; Ctrl-C ends it']))
  return { server, kafka, printed, ended, ending, fence, isWatching }
}

it('watch prints each fence as it happens: tag, commit, rule, and how long it took', async () => {
  const { printed, fence, isWatching } = await watching()
  await isWatching()
  fence(
    fenceOf(42),
    { source, shard: fenceOf(7).shard, tags: ['customer:7:balance'], cause: 'hand', fencedAt: at + 2 },
    { source, shard: 'all', tags: ['*customer:{id}:balance'], cause: 'gap', gap: 'cursor-lost', fencedAt: at },
  )
  await vi.waitFor(() => expect(printed).toHaveLength(3))
  expect(printed.sort()).toEqual([
    '09:26:53.589  *customer:{id}:balance  gap: cursor-lost',
    '09:26:53.591  customer:42:balance  0/1A2F4C8  xid 739  shop@1 rule 0 (sale)  2 ms after the commit',
    '09:26:53.591  customer:7:balance  by hand',
  ])
})

it('watch of a tag prints only what concerns it, for machines an object a line', async () => {
  const { printed, fence, isWatching } = await watching('customer:42:balance', true)
  await isWatching()
  fence(fenceOf(7), fenceOf(42))
  await vi.waitFor(() => expect(printed).toHaveLength(1))
  expect(JSON.parse(printed.join())).toEqual({
    tag: 'customer:42:balance',
    shard: fenceOf(42).shard,
    cause: 'change',
    fencedAt: '2026-03-14T09:26:53.591Z',
    commit: { lsn: '0/1A2F4C8', xid: '739', at: '2026-03-14T09:26:53.589Z' },
    commitToFenceMs: 2,
    entity: 'sale',
    rules: [{ owner: 'shop', version: '1', rule: 0, name: 'sale', source: 'public.sales' }],
  })
})

it('Ctrl-C ends a watch, and leaves no consumer group behind', async () => {
  const { server, kafka, ended, ending, isWatching } = await watching()
  await isWatching()
  expect(server.groupNames()).not.toEqual([])
  ending.abort()
  await ended
  await kafka.close()
  expect(server.groupNames()).toEqual([])
})

it('watch of a tag that nothing is governed by says what there is', async () => {
  const { ended } = await watching('custmer:42:balance')
  await expect(ended).rejects.toThrow('what the registered catalogs have is: customer:{id}:balance')
})

it('watch needs the variables of Kafka alone', async () => {
  const { exitCode, noted } = await freshet(['watch'], {})
  expect(noted).toContain('FRESHET_KAFKA_BROKERS')
  expect(noted).not.toContain('FRESHET_REDIS_URL')
  expect(exitCode).toBe(78)
})
