import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSlot } from '../../src/index.js'
import { startPostgres, type PostgresServer } from '../tables/postgres-server.js'
import { capture, until, type Captured } from './captured.js'

vi.setConfig({ testTimeout: 60_000 })

/** Every type that is read from its binary form, with literals that Postgres takes. */
const anyValue: Readonly<Record<string, fc.Arbitrary<string>>> = {
  bool: fc.boolean().map(String),
  int2: fc.integer({ min: -0x8000, max: 0x7fff }).map(String),
  int4: fc.integer({ min: -0x80000000, max: 0x7fffffff }).map(String),
  int8: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
  oid: fc.nat({ max: 0x7fffffff }).map(String),
  uuid: fc.uuid(),
  text: fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
  varchar: fc.string({ maxLength: 9 }),
  'char(5)': fc.string({ maxLength: 5 }),
  name: fc.string({ maxLength: 20 }),
  bytea: fc.uint8Array({ maxLength: 9 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`),
  json: fc.json({ maxDepth: 2 }).map((text) => text.replaceAll('\\u0000', '')),
  jsonb: fc.json({ maxDepth: 2 }).map((text) => text.replaceAll('\\u0000', '')),
  numeric: fc.oneof(
    fc.tuple(fc.bigInt(-(10n ** 40n), 10n ** 40n), fc.integer({ min: -30, max: 30 })).map(([m, e]) => `${m}e${e}`),
    fc.constantFrom('NaN', 'Infinity', '-Infinity', '0', '0.000', '-0.00001', '10000', '0.0001'),
  ),
  'numeric(12,2)': fc.integer({ min: -1e9, max: 1e9 }).map((cents) => String(cents / 100)),
  date: fc.oneof(
    fc.integer({ min: -2_451_545, max: 2_145_031_948 }).map((days) => `day ${days}`),
    fc.constantFrom('infinity', '-infinity', '0044-03-15 BC', '2000-02-29'),
  ),
  time: fc.nat({ max: 86_399_999 }).map((ms) => new Date(ms).toISOString().slice(11, 23)),
  timestamp: fc.oneof(
    fc.bigInt(-211_813_488_000_000_000n, 9_223_371_331_199_999_999n).map((us) => `us ${us}`),
    fc.constantFrom('infinity', '-infinity', '2000-01-01 00:00:00', '1999-12-31 23:59:59.999999'),
  ),
  timestamptz: fc.bigInt(-211_813_488_000_000_000n, 9_223_371_331_199_999_999n).map((us) => `us ${us}`),
}
const types = Object.keys(anyValue)

/** Numbers stand for days and microseconds from 2000 on: no driver prints all years that Postgres has. */
const literal = (type: string, parameter: string): string => {
  if (type === 'date')
    return `case when ${parameter} like 'day %' then date '2000-01-01' + substr(${parameter}, 5)::int else ${parameter}::date end`
  if (type.startsWith('timestamp'))
    return `case when ${parameter} like 'us %' then ${type} '2000-01-01 00:00:00${type === 'timestamptz' ? '+00' : ''}'
      + (substr(${parameter}, 4)::bigint / 86400000000) * interval '24 hours'
      + (substr(${parameter}, 4)::bigint % 86400000000) * interval '1 microsecond' else ${parameter}::${type} end`
  return `${parameter}::${type}`
}

let server: PostgresServer
let text: Captured
let binary: Captured

beforeAll(async () => {
  server = await startPostgres()
  await server.pool.query(`create table things (${types.map((type, at) => `c${at} ${type}`).join(', ')});
    create publication things_changes for table things`)
  await createSlot(server.pool, 'as_text')
  await createSlot(server.pool, 'as_binary')
  text = await capture({ url: server.url, slotName: 'as_text', binary: false })
  binary = await capture({ url: server.url, slotName: 'as_binary', binary: true })
}, 60_000)
afterAll(async () => {
  await Promise.all([text.stream.close(), binary.stream.close()])
  await server.stop()
})

describe('a value', () => {
  it('is the same read from the binary stream as read from the text stream', async () => {
    const rows = fc.sample(fc.tuple(...types.map((type) => fc.option(anyValue[type] ?? fc.constant('')))), 400)
    const places = types.map((type, at) => literal(type, `$${at + 1}::text`))
    await server.pool.query('begin')
    for (const row of rows) await server.pool.query(`insert into things values (${places.join(', ')})`, row)
    await server.pool.query('commit')
    await until(
      'all rows',
      () => [text.rows.length, binary.rows.length],
      (counts) => counts.every((n) => n >= 400),
    )
    for (const [at, row] of text.rows.entries()) expect(binary.rows[at]).toEqual(row)
  })
})
