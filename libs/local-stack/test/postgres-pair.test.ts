import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPostgresPair, type PostgresPair } from '../src/index.js'

let pair: PostgresPair
let primary: pg.Pool
let standby: pg.Pool

beforeAll(async () => {
  pair = await startPostgresPair()
  primary = new pg.Pool({ connectionString: pair.primaryUrl })
  standby = new pg.Pool({ connectionString: pair.standbyUrl })
}, 120_000)

afterAll(async () => {
  await Promise.all([primary.end(), standby.end()])
  await pair.stop()
})

const countOn = async (pool: pg.Pool): Promise<number> =>
  (await pool.query<{ count: number }>('select count(*)::int as count from t')).rows[0]?.count ?? -1

it('the standby shows what it has replayed, nothing while it is paused, and takes writes once promoted', async () => {
  await primary.query('create table t (id int primary key)')
  await pair.resumeReplay()
  await pair.pauseReplay()
  await primary.query('insert into t values (1)')
  expect(await countOn(standby)).toBe(0)
  await pair.resumeReplay()
  expect(await countOn(standby)).toBe(1)
  await expect(standby.query('insert into t values (2)')).rejects.toThrow('read-only')
  await pair.promote()
  await standby.query('insert into t values (2)')
  expect(await countOn(standby)).toBe(2)
  expect(await countOn(primary)).toBe(1)
}, 60_000)
