import { catalogFromJson } from '@freshet/catalog'
import { createPool, describeTables } from '@freshet/postgres'
import { decodeMessage, type Relation } from '@freshet/pgoutput'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../../libs/postgres/test/tables/postgres-server.js'
import { ddl, nameOf, shapes, type Shape } from '../../../../libs/postgres/test/tables/table-shapes.js'
import { Admission } from '../../src/admission/admission.js'
import { watchedTablesOf } from '../../src/admission/watch.js'
import { WatchedRelation, type RowChange } from '../../src/streaming/watched-relation.js'
import type { WatchedTable } from '../../src/watched-tables.js'

vi.setConfig({ testTimeout: 60_000 })

let server: PostgresServer
let pool: pg.Pool
beforeAll(async () => {
  server = await startPostgres()
  pool = createPool({ url: server.url, applicationName: 'old-columns' })
}, 60_000)
afterAll(async () => {
  await pool.end()
  await server.stop()
})

/** The Relation message shows the root's setting, which means nothing for the leaves' rows. */
const rootOtherwise = (table: string, { layout, identity, key }: Shape): string[] =>
  layout === 'partitioned' && identity === 'full' && key === 'primary key'
    ? [`alter table ${table} replica identity nothing`]
    : []

const catalogOf = (table: string, { generated }: Shape) =>
  catalogFromJson({
    format: 1,
    owner: table,
    version: '1',
    tables: {
      [`public.${table}`]: {
        entity: 'thing',
        key: ['id'],
        columns: { id: 'id', code: 'code', note: 'note', ...(generated === 'stored' && { twice: 'twice' }) },
      },
    },
    templates: { thing: { template: 'thing:{id}', ttl: '1h' } },
    rules: [],
  })

/** What the stream makes of the table's changes, read off the slot. */
async function changesOf(table: WatchedTable): Promise<RowChange[]> {
  const { rows } = await pool.query<{ data: Buffer }>(
    `select data from pg_logical_slot_get_binary_changes('old_columns', null, null, 'proto_version', '1',
       'publication_names', 'freshet,freshet_append')`,
  )
  const relations = new Map<number, Relation>()
  return rows.flatMap(({ data }) => {
    const message = decodeMessage(data)
    if (message.kind === 'relation') relations.set(message.oid, message)
    if (message.kind !== 'update' && message.kind !== 'delete') return []
    const relation = relations.get(message.relationOid)
    if (relation === undefined) throw new Error(`no Relation message for ${message.relationOid}`)
    const watched = new WatchedRelation(table, relation)
    return [message.kind === 'update' ? watched.updated(message.old, message.new) : watched.deleted(message.old)]
  })
}

it('the old values that admission counts on are those that the stream gives, for every replica identity', async () => {
  const admission = new Admission(
    { pool, publication: 'freshet', namespace: 'test' },
    {
      existingTopics: async () => [],
      ensureTopics: async () => undefined,
      applyWatched: () => undefined,
      publishGap: async () => undefined,
      publishStatus: async () => undefined,
    },
  )
  const made = shapes.map((shape, number) => ({
    shape,
    table: `shape_${number}`,
    catalog: catalogOf(`shape_${number}`, shape),
  }))
  for (const { shape, table } of made)
    for (const statement of [...ddl(table, shape), ...rootOtherwise(table, shape)]) await pool.query(statement)
  await admission.start(
    made.map(({ catalog }) => catalog.json),
    { accepted: new Map(), slotIsNew: true },
  )
  await pool.query(`select pg_create_logical_replication_slot('old_columns', 'pgoutput')`)
  let judged = 0
  for (const { shape, table } of made) {
    const watched = admission.watched.tables.get(`public.${table}`)
    if (watched === undefined) continue
    await pool.query(`insert into ${table} (id, code, note) values (1, 5, 'a'), (2, 6, null)`)
    await pool.query(`update ${table} set note = 'b' where id = 1`)
    await pool.query(`update ${table} set id = 3, code = 7 where id = 1`)
    await pool.query(`delete from ${table} where id = 2`)
    const changes = await changesOf(watched)
    if (watched.appendOnly) {
      expect(changes, nameOf(shape)).toEqual([])
      continue
    }
    judged++
    const truth = [
      { id: 1, code: 5, note: 'a', twice: 10 },
      { id: 1, code: 5, note: 'b', twice: 10 },
      { id: 2, code: 6, note: null, twice: 12 },
    ].map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => watched.oldColumns.includes(column))))
    expect(
      changes.map(({ old }) => old),
      nameOf(shape),
    ).toEqual(truth)
  }
  expect(judged).toBeGreaterThan(15)
  const facts = await describeTables(pool, ['public.shape_0'])
  expect(watchedTablesOf([], new Map(facts.map((one) => [one.name, one]))).tables.size).toBe(0)
})
