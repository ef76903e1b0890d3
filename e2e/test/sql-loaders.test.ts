import { readFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Cache } from '@freshet/cache'
import { catalogFromJson } from '@freshet/catalog'
import { startSystem, type System } from '@freshet/demo'
import { eventually } from '@freshet/testing/live'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openInForce } from '../src/fencing/clients.js'

const PIECES = 30
const catalogFile = fileURLToPath(new URL('../fixtures/stock.catalog.json', import.meta.url))
const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')

let system: System
let pool: pg.Pool
let cache: Cache

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
  await pool.query(`
    create table stock (id int8 primary key, pieces int not null, place text not null);
    insert into stock select id, id * 2, 'shelf ' || id from generate_series(1, ${PIECES}) id;
    create role stock_reader login password 'reads';
    grant select on stock to stock_reader`)
  const catalog = catalogFromJson(JSON.parse(await readFile(catalogFile, 'utf8')))
  cache = await openInForce(system, catalog, { l1: false })
})
afterAll(async () => {
  await cache?.close()
  await pool?.end()
  await system?.stop()
})

const inRedis = async (id: number): Promise<unknown> => (await cache.peek('l2', cache.key('left', { id })))?.value

it('a catalog alone, without any code, is warmed by its SQL under a role that may only read', async () => {
  const reader = new URL(system.stack.postgresUrl)
  reader.username = 'stock_reader'
  reader.password = 'reads'
  const { process: warmer } = await system.launch('cache-warmer', {
    FRESHET_LOADERS: catalogFile,
    FRESHET_SQL_LOADERS: '1',
    FRESHET_SQL_LOADERS_URL: reader.href,
  })
  await warmer.ready()
  const warm = async () => {
    const argv = [freshet, 'warm', '--template', 'left', '--json']
    const { stdout } = await promisify(execFile)(process.execPath, argv, {
      env: { ...process.env, ...system.environment },
      cwd: import.meta.dirname,
    })
    return JSON.parse(stdout) as { warmed: number; fresh: number }
  }
  expect(await warm()).toMatchObject({ keys: PIECES, warmed: PIECES })
  expect(await inRedis(7)).toEqual({ pieces: 14, place: 'shelf 7' })

  await pool.query('update stock set pieces = 3 where id = 7')
  await eventually(() => inRedis(7), undefined)
  await eventually(async () => (await warm()).fresh, PIECES)
  expect(await inRedis(7)).toEqual({ pieces: 3, place: 'shelf 7' })
})
