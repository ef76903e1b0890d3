import { parseTemplate, templateTag } from '@freshet/cache-keys'
import { decode, topics } from '@freshet/events'
import { hourOf } from '@freshet/hot-keys'
import type { OutgoingRecord } from '@freshet/kafka'
import { Occurrences } from '@freshet/service-kit'
import { FakeRedisServer } from '@freshet/testing'
import { expect, it } from 'vitest'
import { HotHours } from '../src/hot-keys/hot-hours.js'
import type { InvalidationOccurrences } from '../src/occurrences.js'
import { WarmUp } from '../src/warm-up/warm-up.js'
import { World, worldCatalog } from './world.js'

const noon = Date.UTC(2026, 5, 1, 12)
const tagOf = (text: string): string => templateTag(parseTemplate(text)).text
const balances = tagOf('member:{id}:balance')
const lists = tagOf('members:list:{query}')
const keyOf = (id: number, count: number) => ({
  owner: 'world',
  template: 'balance',
  key: `member:${id}:balance`,
  count,
})

/** The service's warm-up over a Redis that knows what was read; `after` lets time pass and lets it look. */
async function openWarmUp({ most = 1_000 } = {}) {
  const occurrences = new Occurrences<InvalidationOccurrences>()
  const redis = new FakeRedisServer()
  const session = redis.connect().fences.session()
  await session.putHotHour({ hour: hourOf(noon) - 3, keys: [keyOf(1, 50), keyOf(2, 40)] })
  await session.putHotHour({
    hour: hourOf(noon),
    keys: [
      keyOf(2, 30),
      { owner: 'world', template: 'list', key: 'members:list:page=2', count: 5 },
      { owner: 'world', template: 'list', key: `members:list:~${'0'.repeat(64)}`, count: 4 },
      { owner: 'other', template: 'balance', key: 'member:9:balance', count: 900 },
    ],
  })
  let nowMs = noon
  let isKafkaAway = false
  const sent: OutgoingRecord[] = []
  const producer = {
    send: async (records: readonly OutgoingRecord[]) => {
      if (isKafkaAway) throw new Error('Kafka is away')
      sent.push(...records)
    },
  }
  const directory = { catalogs: [worldCatalog] }
  const source = 'freshet/test'
  const clockMs = () => nowMs
  const warmUp = new WarmUp({ most, directory, producer, topics: topics(), source, occurrences, clockMs })
  return {
    sent,
    gap: (...tags: string[]) =>
      occurrences.emit('gap:applied', { cause: 'first-start', scope: 'all', templates: tags.length, tags }),
    after: (ms: number) => {
      nowMs += ms
      return warmUp.look(session)
    },
    setKafkaAway: (away: boolean) => (isKafkaAway = away),
    requests: () =>
      sent.map(({ value, topic }) => {
        const record = decode(Buffer.from(value ?? ''), topic)
        if (record.kind !== 'warm-request') throw new Error(record.kind)
        return record
      }),
    keys: () => sent.map(({ key }) => key),
  }
}

it('after a gap the warmer is asked for what was read most in the day, behind what changes have fenced', async () => {
  const { gap, after, requests } = await openWarmUp()
  gap(balances, lists)
  await after(5_000)
  expect(requests().map(({ key, parameters, priority }) => ({ key, parameters, priority }))).toEqual([
    { key: 'member:2:balance', parameters: { id: '2' }, priority: -1 },
    { key: 'member:1:balance', parameters: { id: '1' }, priority: -1 },
    { key: 'members:list:page=2', parameters: { query: { page: '2' } }, priority: -1 },
  ])
})

it('only keys of templates that were fenced are asked for, and no more than are wanted', async () => {
  const some = await openWarmUp()
  some.gap(lists)
  await some.after(5_000)
  expect(some.keys()).toEqual(['members:list:page=2'])
  const few = await openWarmUp({ most: 1 })
  few.gap(balances, lists)
  await few.after(5_000)
  expect(few.keys()).toEqual(['member:2:balance'])
  const none = await openWarmUp({ most: 0 })
  none.gap(balances)
  await none.after(60_000)
  expect(none.keys()).toEqual([])
})

it('the gaps of all partitions are one warm-up, once they have settled; those that never do, after 30 s', async () => {
  const { gap, after, keys } = await openWarmUp()
  gap(balances)
  await after(4_000)
  gap(balances)
  await after(4_000)
  expect(keys()).toEqual([])
  await after(1_000)
  expect(keys()).toHaveLength(2)
  await after(60_000)
  expect(keys()).toHaveLength(2)
  for (let at = 0; at < 8; at++) {
    gap(balances)
    await after(4_000)
  }
  expect(keys()).toHaveLength(4)
})

it('what could not be asked for is asked for again', async () => {
  const { gap, after, keys, setKafkaAway } = await openWarmUp()
  gap(balances)
  setKafkaAway(true)
  await expect(after(5_000)).rejects.toThrow('Kafka is away')
  setKafkaAway(false)
  await after(5_000)
  expect(keys()).toHaveLength(2)
})

it('what is read most is noted each minute, and not before a start has had time to read the reports', async () => {
  const session = new FakeRedisServer().connect().fences.session()
  let nowMs = noon
  let top = [{ ...keyOf(1, 5), rank: 1 }]
  const hours = new HotHours({ top: () => top }, () => nowMs)
  const noted = async () => (await session.hotHours()).map(({ hour, keys }) => [hour, keys.map(({ key }) => key)])
  await hours.note(session)
  expect(await noted()).toEqual([])
  nowMs += 10_000
  await hours.note(session)
  top = [{ ...keyOf(2, 5), rank: 1 }]
  nowMs += 30_000
  await hours.note(session)
  expect(await noted()).toEqual([[hourOf(noon), ['member:1:balance']]])
  nowMs += 30_000
  await hours.note(session)
  expect(await noted()).toEqual([[hourOf(noon), ['member:2:balance']]])
})

it('a gap that the service applies is one that it warms up after', async () => {
  const world = await World.open()
  world.register()
  world.accept()
  const applied: (readonly string[])[] = []
  world.occurrences.on('gap:applied', ({ tags }) => applied.push(tags))
  await world.start()
  world.catalogGap()
  await expect.poll(() => world.inForce, { timeout: 5_000 }).toBe(true)
  expect(applied.flat()).toEqual(expect.arrayContaining([balances, lists]))
})
