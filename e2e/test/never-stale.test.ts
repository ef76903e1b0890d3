import { setTimeout as delay } from 'node:timers/promises'
import type { Cache } from '@freshet/cache'
import { emitEvent } from '@freshet/cache/emit'
import type { TypedKey } from '@freshet/catalog'
import { main } from '@freshet/cli'
import type { System } from '@freshet/demo'
import { topics } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { stackEnvironment } from '@freshet/local-stack'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import { openInForce } from '../src/fencing/clients.js'
import { Gate } from '../src/fencing/gate.js'
import { invoiceVoided, keys, truthIn, walletsCatalog, walletsSql } from '../src/fencing/wallets.js'
import { plainRedis, startTestSystem } from '../src/test-system.js'

let system: System
let pool: pg.Pool
let watch: AppliedWatch
let truth: ReturnType<typeof truthIn>
/** One with memory of its own, one that has only Redis. */
let clients: readonly [withL1: Cache, withoutL1: Cache]

beforeAll(async () => {
  system = await startTestSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 20 })
  await pool.query(walletsSql)
  truth = truthIn(pool)
  watch = new AppliedWatch(pool, system.stack.redisUrl)
  clients = [await openInForce(system, walletsCatalog), await openInForce(system, walletsCatalog, { l1: false })]
  for (const client of clients) {
    client.loader(keys.cents, ({ id }) => truth.cents(Number(id)))
    client.loader(keys.ofOwner, ({ owner }) => truth.ofOwner(String(owner)))
    client.loader(keys.openInvoices, ({ id }) => truth.openInvoices(Number(id)))
  }
  await eventually(() => clients[0].health().l1, 'sighted')
})

afterAll(async () => {
  for (const client of clients ?? []) await client.close()
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

/** Reads until the value comes from a layer, so that a later miss says that it was fenced. */
async function cached(key: TypedKey): Promise<void> {
  for (const client of clients)
    await expect.poll(async () => (await client.read(key)).layer, { timeout: 20_000 }).not.toBe('source')
}

/** Once all is applied both clients answer what the database holds: from Redis at once, from memory as soon as it has heard. */
async function expectFresh<Value>(key: TypedKey<Value>, value: Value): Promise<void> {
  const [withL1, withoutL1] = clients
  expect(await withoutL1.get(key), key.template).toEqual(value)
  expect(await withL1.get(key, { fresh: true }), key.template).toEqual(value)
  await expect.poll(() => withL1.get(key), { timeout: 5_000, interval: 5 }).toEqual(value)
}

const insert = (id: number, owner: string, cents: number) =>
  pool.query('insert into wallets values ($1, $2, $3)', [id, owner, cents])

it('a filler paused across an invalidation cannot bring the old value back', async () => {
  const key = keys.cents.of({ id: 1 })
  await insert(1, 'ada', 50)
  await watch.applied()
  const gates: Gate[] = []
  const paused = clients.map((client) => {
    const gate = new Gate()
    gates.push(gate)
    return client.read(key, async () => gate.pass(await truth.cents(1)))
  })
  await Promise.all(gates.map((gate) => gate.reached))
  await pool.query('update wallets set cents = 70 where id = 1')
  await watch.applied()
  for (const gate of gates) gate.open()
  await Promise.all(paused)
  await expectFresh(key, 70)
})

it('who begins to read behind a change never shares the value of a load from before it', async () => {
  const key = keys.cents.of({ id: 2 })
  await insert(2, 'ada', 50)
  await watch.applied()
  for (const client of clients) {
    await pool.query('update wallets set cents = 50 where id = 2')
    await watch.applied()
    const gate = new Gate()
    const early = client.get(key, async () => gate.pass(await truth.cents(2)))
    await gate.reached
    await pool.query('update wallets set cents = 70 where id = 2')
    await watch.applied()
    const joiner = client.read(key, { fresh: true })
    gate.open()
    expect(await early).toBe(50)
    expect(await joiner).toMatchObject({ value: 70, vouched: true })
  }
})

it('an open transaction that has written is no reason to keep what it makes wrong', async () => {
  const key = keys.cents.of({ id: 3 })
  await insert(3, 'ada', 50)
  await watch.applied()
  await cached(key)
  const writer = await pool.connect()
  await writer.query('begin')
  await writer.query('update wallets set cents = 70 where id = 3')
  await watch.applied()
  expect(await clients[1].read(key)).toMatchObject({ value: 50, layer: 'l2' })
  await writer.query('commit')
  writer.release()
  await watch.applied()
  await expectFresh(key, 70)
})

it('a rollback fences nothing', async () => {
  const key = keys.cents.of({ id: 4 })
  await insert(4, 'ada', 50)
  await watch.applied()
  await cached(key)
  const writer = await pool.connect()
  await writer.query('begin')
  await writer.query('update wallets set cents = 70 where id = 4')
  await emitEvent(writer, invoiceVoided, { walletId: 4 })
  await writer.query('rollback')
  writer.release()
  await watch.applied()
  expect(await clients[1].read(key)).toMatchObject({ value: 50, layer: 'l2' })
})

it('an emitted event fences after its commit, and never after a rollback', async () => {
  const key = keys.openInvoices.of({ id: 5 })
  await pool.query('insert into invoices (id, wallet_id) values (51, 5), (52, 5)')
  await cached(key)
  for (const end of ['rollback', 'commit']) {
    const writer = await pool.connect()
    await writer.query('begin')
    await writer.query('update invoices set voided = true where id = 51')
    await emitEvent(writer, invoiceVoided, { walletId: 5 })
    await writer.query(end)
    writer.release()
    await watch.applied()
    if (end === 'rollback') expect(await clients[1].read(key)).toMatchObject({ value: 2, layer: 'l2' })
  }
  await expectFresh(key, 1)
})

it('a key of another cache that a rule names is deleted', async () => {
  const legacy = plainRedis(system.stack.redisUrl)
  try {
    await legacy.set('legacy:wallet:6', 'old')
    await legacy.set('legacy:wallet:66', 'another')
    await insert(6, 'ada', 50)
    await watch.applied()
    expect(await legacy.get('legacy:wallet:6')).toBeNull()
    expect(await legacy.get('legacy:wallet:66')).toBe('another')
  } finally {
    legacy.disconnect()
  }
})

it.for([
  ['a row that comes', '', `insert into wallets values (7, 'eve', 1)`],
  ['a corrected row', `insert into wallets values (7, 'eve', 1)`, 'update wallets set cents = 2 where id = 7'],
  ['a row that moves', `insert into wallets values (7, 'eve', 1)`, `update wallets set owner = 'adam' where id = 7`],
  ['a changed key', `insert into wallets values (7, 'eve', 1)`, 'update wallets set id = 8 where id = 7'],
  ['a deleted row', `insert into wallets values (7, 'eve', 1)`, 'delete from wallets where id = 7'],
  [
    'many in one transaction',
    `insert into wallets values (7, 'eve', 1)`,
    `begin; delete from wallets where id = 7; insert into wallets values (7, 'adam', 3); update wallets set id = 8 where id = 7; commit`,
  ],
  ['TRUNCATE', `insert into wallets values (7, 'eve', 1), (8, 'adam', 1)`, 'truncate wallets'],
] as const)('%s leaves no value behind', async ([, before, change]) => {
  await pool.query(`delete from wallets; ${before}`)
  await watch.applied()
  const byId = [7, 8].map((id) => keys.cents.of({ id }))
  const byOwner = ['eve', 'adam'].map((owner) => keys.ofOwner.of({ owner, query: { page: 1 } }))
  for (const key of byId) await cached(key)
  for (const key of byOwner) await cached(key)
  await pool.query(change)
  await watch.applied()
  for (const [at, key] of byId.entries()) await expectFresh(key, await truth.cents(7 + at))
  for (const [at, key] of byOwner.entries()) await expectFresh(key, await truth.ofOwner(['eve', 'adam'][at] ?? ''))
})

it('a text parameter may hold anything', async () => {
  const owners = [
    'a:b*%',
    '',
    '*',
    ':',
    '~',
    '%3A',
    '+&=,',
    ' ',
    'Žofie 🐟',
    '\u0001\n',
    `'; drop table wallets`,
    'x'.repeat(900),
  ]
  const keyOf = (owner: string) => keys.ofOwner.of({ owner, query: {} })
  const neighbours = owners.map((owner) => `${owner}!`)
  await pool.query('delete from wallets')
  await watch.applied()
  for (const owner of [...owners, ...neighbours]) await cached(keyOf(owner))
  for (const [id, owner] of owners.entries()) await insert(id, owner, 1)
  await watch.applied()
  for (const [id, owner] of owners.entries()) await expectFresh(keyOf(owner), [`${id}`])
  for (const owner of neighbours)
    expect(await clients[1].read(keyOf(owner)), owner).toMatchObject({ value: [], layer: 'l2' })
  await pool.query(`update wallets set owner = owner || '!'`)
  await watch.applied()
  for (const owner of owners) await expectFresh(keyOf(owner), [])
  for (const [id, owner] of neighbours.entries()) await expectFresh(keyOf(owner), [`${id}`])
})

it('records that nobody can read leave nothing stale, and caching goes on', async () => {
  const key = keys.cents.of({ id: 90 })
  await cached(key)
  const kafka = connectKafka({ brokers: [system.stack.kafkaBrokers], clientId: 'poison' })
  const producer = await kafka.producer()
  const topic = topics().changes('wallet')
  const poison = ['', '{', 'null', '{"specversion":"1.0"}', 'x'.repeat(3_000_000), Buffer.from([0xff, 0xfe]), null]
  const headers = [{}, { xid: '5', lsn: '7' }, { xid: '99999999999999999999', lsn: '1' }, { xid: '-1', lsn: 'x' }]
  for (const [at, value] of poison.entries())
    for (const partition of [0, 1, 2])
      await producer.send([{ topic, partition, key: null, value, headers: headers[at % headers.length] ?? {} }])
  await kafka.close()
  await insert(90, 'ada', 1)
  await watch.applied()
  await expectFresh(key, 1)
  await cached(key)
})

/** A command line of `freshet`, as a shell would run it. */
async function freshet(...argv: readonly string[]): Promise<{ readonly exitCode: number; readonly printed: string[] }> {
  const printed: string[] = []
  const print = (line: string) => void printed.push(line)
  const exitCode = await main(argv, stackEnvironment(system.stack), { print, note: print })
  return { exitCode, printed }
}

it('dead letters are listed with their reasons, and replayed to where they came from', async () => {
  const { printed } = await freshet('dead-letters', 'list')
  const ids = printed.flatMap((line) => /^wallet\.changes\.v1\/\d+\/\d+/.exec(line)?.[0] ?? [])
  expect(ids.length).toBeGreaterThanOrEqual(18)
  expect(await freshet('dead-letters', 'replay', 'x/0/0')).toMatchObject({ exitCode: 1 })
  expect(await freshet('dead-letters', 'replay', ids[0] ?? '')).toEqual({
    exitCode: 0,
    printed: [`replayed ${ids[0]}`],
  })
  const listed = async () => (await freshet('dead-letters', 'list')).printed.length
  await expect.poll(listed, { timeout: 10_000 }).toBe(printed.length + 1) // it is as unreadable as before
  const key = keys.cents.of({ id: 90 })
  await cached(key)
  await pool.query('update wallets set cents = 2 where id = 90')
  await watch.applied()
  await expectFresh(key, 2)
})

it('what is invalidated by hand, in code or by the command line, is a miss in every layer', async () => {
  const key = keys.cents.of({ id: 90 })
  const layers = async () => Promise.all(clients.map(async (client) => (await client.read(key)).layer))
  await cached(key)
  await clients[0].invalidate(key)
  await expect.poll(async () => clients[0].peek('l1', key)).toBeUndefined()
  expect(await clients[1].peek('l2', key)).toBeUndefined()
  await expect(clients[1].invalidate(keys.cents)).resolves.toBeUndefined()
  await cached(key)
  expect(await layers()).toEqual(['l1', 'l2'])
  const text = 'wallet:90:cents'
  expect(await freshet('invalidate', text, 'wallet:{id}:cents')).toEqual({
    exitCode: 0,
    printed: [`invalidated ${text}`, 'invalidated wallet:{id}:cents'],
  })
  await expect.poll(async () => clients[0].peek('l1', key)).toBeUndefined()
  expect(await clients[1].peek('l2', key)).toBeUndefined()
  expect(await freshet('invalidate', text, 'wallet:x', 'nothing:*')).toMatchObject({ exitCode: 1 })
})

it('whatever loads slowly while rows change: what was applied before a read is in its value', async () => {
  const wallets = Array.from({ length: 8 }, (_, at) => 100 + at)
  for (const id of wallets) await insert(id, 'crowd', 0)
  const end = performance.now() + 4_000
  let reads = 0
  const slowly = async (id: number): Promise<number | null> => {
    const value = await truth.cents(id)
    await delay(Math.random() * 15)
    return value
  }
  const readers = [...clients, ...clients].map(async (client) => {
    while (performance.now() < end) {
      await Promise.all(wallets.map((id) => client.get(keys.cents.of({ id }), () => slowly(id))))
      reads += wallets.length
      await delay(1)
    }
  })
  const writers = wallets.map(async (id) => {
    for (let cents = 1; performance.now() < end; cents++) {
      await pool.query('update wallets set cents = $2 where id = $1', [id, cents])
      if (cents % 5 > 0) continue
      await watch.applied()
      for (const client of clients)
        expect(await client.get(keys.cents.of({ id }), () => slowly(id), { fresh: true })).toBe(cents)
    }
  })
  await Promise.all([...readers, ...writers])
  expect(reads).toBeGreaterThan(1_000)
  await watch.applied()
  for (const id of wallets) await expectFresh(keys.cents.of({ id }), await truth.cents(id))
})
