import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { changedTables } from '@freshet/coherence'
import { tableFingerprint } from '../../src/tables/fingerprint.js'
import { startPostgres, type PostgresServer } from './postgres-server.js'

// Each test talks to a real server, on a machine that does other things too.
vi.setConfig({ testTimeout: 30_000 })

let server: PostgresServer
const tables = ['public.members', 'public.metrics']
const fingerprint = (): Promise<string> => tableFingerprint(server.pool, tables, ['freshet'])

beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.stop())
beforeEach(() =>
  server.pool.query(`
    drop table if exists members, metrics, metrics_a, metrics_c; drop publication if exists freshet;
    create table members (id int primary key, name text, code int not null unique);
    create table metrics (id int primary key, value int) partition by range (id);
    create table metrics_a partition of metrics for values from (0) to (10);
    create table metrics_b partition of metrics for values from (10) to (20);
    create table metrics_c (id int primary key, value int);
    insert into members values (1, 'a', 1); insert into metrics values (1, 1), (11, 1);
    create publication freshet for table members, metrics with (publish_via_partition_root = true)`),
)

describe('a change that the stream does not show', () => {
  const changes: readonly [string, string, string][] = [
    ['a leaf is truncated', 'truncate metrics_a', 'public.metrics'],
    ['a leaf is detached', 'alter table metrics detach partition metrics_a', 'public.metrics'],
    [
      'a leaf is attached',
      'alter table metrics attach partition metrics_c for values from (20) to (30)',
      'public.metrics',
    ],
    ['a leaf gets another replica identity', 'alter table metrics_b replica identity full', 'public.metrics'],
    ['a column is rewritten', 'alter table members alter code type int using code + 1', 'public.members'],
    ['a column changes its type', 'alter table members alter code type bigint', 'public.members'],
    ['a column is added', 'alter table members add extra int', 'public.members'],
    ['a column is renamed', 'alter table members rename name to title', 'public.members'],
    ['a table is taken out of the publication', 'alter publication freshet drop table members', 'public.members'],
    [
      'a table is taken out of the publication and put back',
      'alter publication freshet drop table members; alter publication freshet add table members',
      'public.members',
    ],
    ['a table is dropped', 'drop table members', 'public.members'],
    [
      'a table is dropped and made again',
      'drop table members; create table members (id int primary key, name text, code int not null unique)',
      'public.members',
    ],
  ]
  it.each(changes)('%s: that table, and no other, counts as changed', async (_title, statement, table) => {
    const before = await fingerprint()
    await server.pool.query(statement)
    expect(changedTables(before, await fingerprint())).toEqual([table])
  })
})

it('rows, statistics and vacuums leave it as it is', async () => {
  const before = await fingerprint()
  await server.pool.query(
    `insert into members select n, 'x', n from generate_series(2, 2000) as n; delete from members`,
  )
  await server.pool.query('vacuum analyze members, metrics')
  expect(await fingerprint()).toBe(before)
})

it('an open DDL does not hold it up', async () => {
  const client = await server.pool.connect()
  await client.query('begin; lock table members, metrics in access exclusive mode')
  await expect(fingerprint()).resolves.toContain('public.members=')
  await client.query('rollback')
  client.release()
})

it('a table that joins or leaves what is watched has not changed', () => {
  expect(changedTables('public.a=1\npublic.b=2', 'public.b=2\npublic.c=3')).toEqual([])
  expect(changedTables('', 'public.b=2')).toEqual([])
  expect(changedTables('public.a=1\npublic.b=2', 'public.a=1\npublic.b=-')).toEqual(['public.b'])
  expect(changedTables('public.a=b,c=1\npublic.b=2', 'public.a=b,c=2\npublic.b=2')).toEqual(['public.a=b,c'])
})
