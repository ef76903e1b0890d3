import { readFile } from 'node:fs/promises'
import type { Cache } from '@freshet/cache'
import { catalogFromJson, type CatalogJson } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { AppliedWatch, eventually } from '@freshet/testing/live'
import { openInForce } from '../src/fencing/clients.js'

let system: System
let pool: pg.Pool
let watch: AppliedWatch

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 8 })
  watch = new AppliedWatch(pool, system.stack.redisUrl)
})

afterAll(async () => {
  await watch?.close()
  await pool?.end()
  await system?.stop()
})

it('a catalog from JSON works without code, for a table that nobody has heard of', async () => {
  await pool.query(`
    create type depot as enum ('north', 'south');
    create table parcels (depot depot, number int, holder_id uuid not null, place text not null, primary key (depot, number));
    create unique index parcels_identity on parcels (depot, number, holder_id);
    alter table parcels replica identity using index parcels_identity;
  `)
  const ada = '0b7f1d3e-9f6a-4c58-a1b2-6f0e5a3c9d10'
  const eve = 'f47ac10b-58cc-4372-a567-0e02b2c3d479'
  await pool.query(`insert into parcels values ('north', 1, $1, 'shelf')`, [ada])
  const json: unknown = JSON.parse(await readFile(new URL('../fixtures/parcels.catalog.json', import.meta.url), 'utf8'))
  const cache = await openInForce(system, catalogFromJson(json), { l1: false })
  onTestFinished(() => cache.close())

  const place = cache.key('place', { depot: 'north', number: '1' })
  const held = (holder: string) => cache.key('held', { holder, query: { order: 'place' } })
  const readPlace = () =>
    cache.read(place, async () => (await pool.query(`select place from parcels where number = 1`)).rows as unknown[])
  const readHeld = (holder: string) =>
    cache.read(
      held(holder),
      async () => (await pool.query('select 1 from parcels where holder_id = $1', [holder])).rowCount,
    )
  for (const read of [readPlace, () => readHeld(ada.toUpperCase()), () => readHeld(eve)])
    await eventually(async () => (await read()).layer, 'l2')

  await pool.query(`update parcels set place = 'van', holder_id = $1 where number = 1`, [eve])
  await watch.applied()
  expect(await readPlace()).toMatchObject({ value: [{ place: 'van' }], layer: 'source' })
  expect(await readHeld(ada)).toMatchObject({ value: 0, layer: 'source' })
  expect(await readHeld(`{${eve.replaceAll('-', '')}}`)).toMatchObject({ value: 1, layer: 'source' })
  expect(await readHeld(eve)).toMatchObject({ value: 1, layer: 'l2' })
})

/** A table of its own with one row, a catalog for it, and how to read its only value. */
async function newTable(name: string) {
  await pool.query(`create table ${name} (id int primary key, value int not null); insert into ${name} values (1, 10)`)
  const json: CatalogJson = {
    format: 1,
    owner: name,
    version: '1',
    tables: { [`public.${name}`]: { entity: name, key: ['id'], columns: { id: 'id' } } },
    templates: { value: { template: `${name}:{id}:value`, ttl: '1h' } },
    rules: [{ on: { table: `public.${name}` }, fences: [{ key: 'value', with: { id: 'id' } }] }],
  }
  const load = async (): Promise<unknown> =>
    (await pool.query<{ value: number }>(`select value from ${name}`)).rows[0]?.value
  return { catalog: catalogFromJson(json), read: (cache: Cache) => cache.read(cache.key('value', { id: 1 }), load) }
}

it('a publication that gains a table under an open writer, whose rows are never sent, leaves nothing stale', async () => {
  const { catalog, read } = await newTable('gained')
  const writer = await pool.connect()
  await writer.query('begin')
  await writer.query('update gained set value = 20')
  const cache = await openInForce(system, catalog, { l1: false })
  onTestFinished(() => cache.close())
  for (let count = 0; count < 20; count++) expect(await read(cache)).toMatchObject({ value: 10, layer: 'source' })
  await writer.query('commit')
  writer.release()
  expect(await read(cache)).toMatchObject({ value: 20 })
  await watch.applied()
  await eventually(async () => (await read(cache)).layer, 'l2')
  expect(await read(cache)).toMatchObject({ value: 20 })
  await pool.query('update gained set value = 30')
  await watch.applied()
  expect(await read(cache)).toMatchObject({ value: 30, vouched: true })
})

it('a listener that starts after rows changed while it did not exist: what was cached before is not served', async () => {
  const { catalog, read } = await newTable('missed')
  const caches = [await openInForce(system, catalog), await openInForce(system, catalog, { l1: false })]
  for (const cache of caches) {
    onTestFinished(() => cache.close())
    await eventually(async () => (await read(cache)).layer !== 'source', true)
  }
  const { listener } = system.services
  await listener.kill('SIGKILL')
  await eventually(async () => {
    const { rows } = await pool.query(
      `select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active`,
    )
    return rows.length
  }, 1)
  await pool.query('update missed set value = 20')
  await listener.start()
  await watch.applied()
  for (const cache of caches) await eventually(async () => (await read(cache)).value, 20, 5_000)
  const [, withoutL1] = caches
  await eventually(async () => withoutL1 && (await read(withoutL1)).layer, 'l2')
  await pool.query('update missed set value = 30')
  await watch.applied()
  for (const cache of caches) await eventually(async () => (await read(cache)).value, 30, 5_000)
})
