import { startSystem, type System } from '@freshet/demo'
import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { CloudEvent } from 'cloudevents'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cloudEventOf } from '../src/outsiders/cloud-event.js'
import { findKcat } from '../src/outsiders/kcat.js'
import { sendPlainly, topicsOf } from '../src/outsiders/plain-client.js'
import { Receipts, receiptsGroup, startReceipts } from '../src/outsiders/receipts.js'
import { readFromBeginning } from '../src/reading/plain-consumer.js'
import { countChanges } from '../src/reading/tally.js'

let system: System
let pool: pg.Pool

beforeAll(async () => {
  system = await startSystem({ members: 50, payments: 100, apis: 1 })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 1 })
})
afterAll(async () => {
  await pool?.end()
  await system?.stop()
})

it('every topic is read by kafkajs, kcat and the cloudevents package, which know nothing of Freshet', async () => {
  const { kafkaBrokers } = system.stack
  await pool.query(`update members set name = 'Ada' where id = 7`)
  await pool.query(`insert into payments (member_id, amount, status) values (7, 12, 'completed')`)
  await sendPlainly(kafkaBrokers, 'member.changes.v1', 'no JSON at all')
  expect((await fetch(`${system.apis[0]?.url}/members/7`)).status).toBe(200)

  const wanted = new Map([
    ['member.changes.v1', 'member.updated'],
    ['payment.changes.v1', 'payment.inserted'],
    ['payment.events.v1', 'payment.completed'],
    ['catalogs.v1', 'freshet.catalog.v1'],
    ['catalog-status.v1', 'freshet.catalog-status.v1'],
    ['invalidations.v1', 'freshet.invalidation.v1'],
    ['warm-requests.v1', 'freshet.warm-request.v1'],
    ['access-stats.v1', 'freshet.access-stats.v1'],
    ['dead-letters.v1', 'freshet.dead-letter.v1'],
  ])
  const written = [...wanted.keys()]
  const topics = await topicsOf(kafkaBrokers)
  expect(topics).toEqual(expect.arrayContaining([...wanted.keys()]))
  const events: CloudEvent<unknown>[] = []
  const unreadable: (string | null)[] = []
  await readFromBeginning(kafkaBrokers, topics, 30_000, (records) => {
    for (const record of records) {
      const event = cloudEventOf(record)
      if (!event) unreadable.push(record.value)
      else events.push(event)
      if (event?.type === wanted.get(record.topic)) wanted.delete(record.topic)
    }
    return wanted.size === 0 && unreadable.length > 0 ? undefined : `nothing on ${[...wanted.keys()].join(', ')}`
  })
  expect(unreadable).toEqual(['no JSON at all'])
  for (const event of events) expect(event.validate(), `${event.type} ${event.id}`).toBe(true)
  expect(events.find(({ type }) => type === 'member.updated')).toMatchObject({
    subject: '7',
    data: { table: 'public.members', key: { id: '7' }, new: { id: '7', organization_id: '1' }, changed: [] },
  })
  expect(events.find(({ type }) => type === 'freshet.dead-letter.v1')).toMatchObject({
    reason: expect.stringContaining('JSON') as string,
    sourcetopic: 'member.changes.v1',
    data_base64: Buffer.from('no JSON at all').toString('base64'),
  })
  process.stdout.write(`${await readByKcat(kafkaBrokers, topics, written)}\n`)
})

/** Where kcat is installed: every record of every topic is one line of JSON to it, and one CloudEvent. */
async function readByKcat(brokers: string, topics: readonly string[], written: readonly string[]): Promise<string> {
  const kcat = await findKcat()
  if (!kcat) return 'kcat is not installed: read by kafkajs alone'
  let count = 0
  for (const topic of topics) {
    const values = await kcat.values(brokers, topic)
    if (written.includes(topic)) expect(values, topic).not.toEqual([])
    for (const value of values.filter((text) => text !== 'no JSON at all')) {
      const event = new CloudEvent(JSON.parse(value) as Partial<CloudEvent<unknown>>)
      expect(event.validate(), `${topic} ${event.id}`).toBe(true)
      count += 1
    }
  }
  return `${kcat.name} read ${count} CloudEvents on ${topics.length} topics`
}

it('a Nest consumer gets each completed payment once, in order, though its handler throws each time it first sees one', async () => {
  const { kafkaBrokers } = system.stack
  const kafka = connectKafka({ brokers: [kafkaBrokers], clientId: 'receipts' })
  const receipts = await startReceipts(kafka)
  try {
    const completions = await writePayments()
    await countChanges(pool, kafkaBrokers, ['payment.changes.v1'], { partitions: 3, deadlineMs: 30_000 })
    await expect.poll(() => lagOf(kafka), { timeout: 60_000, interval: 50 }).toBe(0n)
    const ofThisTest = Receipts.handled.filter(({ id }) => id >= 1_001)
    const times = Map.groupBy(ofThisTest, ({ id }) => id)
    expect(Object.fromEntries([...times].map(([id, events]) => [id, events.length]))).toEqual(completions)
    expect(Receipts.failures).toBe(Receipts.handled.length)
    for (const events of times.values()) {
      const lsns = events.map(({ lsn }) => lsn)
      expect(lsns).toEqual(lsns.toSorted((left, right) => (left < right ? -1 : 1)))
    }
  } finally {
    await receipts.close()
    await kafka.close()
  }
})

/** How often each payment completes: by an insert, by an update from another status, and never otherwise. */
async function writePayments(): Promise<Record<number, number>> {
  const statements = [
    `insert into payments (id, member_id, amount, status) values (1001, 1, 10, 'completed')`,
    `insert into payments (id, member_id, amount, status) values (1002, 1, 10, 'pending')`,
    `update payments set status = 'completed' where id = 1002`,
    `insert into payments (id, member_id, amount, status) values (1003, 2, 10, 'completed')`,
    `update payments set status = 'refunded' where id = 1003`,
    `update payments set status = 'completed' where id = 1003`,
    `update payments set amount = 11 where id = 1003`,
    `update payments set member_id = 3, status = 'completed' where id = 1003`,
    `begin`,
    `insert into payments (id, member_id, amount, status) values (1004, 4, 10, 'completed')`,
    `rollback`,
    `insert into payments (id, member_id, amount, status) select i, 5, 10, 'pending' from generate_series(1010, 1019) as i`,
    `update payments set status = 'completed' where id between 1010 and 1019`,
    `begin`,
    `delete from payments where id = 1001`,
    `insert into payments (id, member_id, amount, status) values (1001, 1, 10, 'completed')`,
    `commit`,
  ]
  for (const statement of statements) await pool.query(statement)
  const many = Array.from({ length: 10 }, (_, index): [number, number] => [1_010 + index, 1])
  return { 1001: 2, 1002: 1, 1003: 2, ...Object.fromEntries(many) }
}

/** Records that the group has not yet committed. */
async function lagOf(kafka: KafkaPort): Promise<bigint> {
  const committed = await kafka.admin.committed(receiptsGroup, 'payment.events.v1')
  const ends = await kafka.admin.offsets('payment.events.v1')
  return ends.reduce((sum, { partition, low, high }) => sum + high - (committed.get(partition) ?? low), 0n)
}
