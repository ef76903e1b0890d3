import { setTimeout as delay } from 'node:timers/promises'
import { startSystem, type System } from '@freshet/demo'
import { residentMegabytes } from '@freshet/local-stack'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sized } from '../src/full-size.js'
import { countChanges } from '../src/reading/tally.js'
import { registerCatalog } from '../src/register-catalog.js'

let system: System
let pool: pg.Pool

beforeAll(async () => {
  system = await startSystem({ members: 0, payments: 0, apis: 0, warmer: false })
  pool = new pg.Pool({ connectionString: system.stack.postgresUrl, max: 2 })
  await pool.query(`
    create type depot as enum ('north', 'south');
    create table parcels (depot depot, number int, holder_id uuid not null, place text not null, primary key (depot, number));
    alter table parcels replica identity full;
  `)
  await registerCatalog('parcels.catalog.json', system.environment)
})
afterAll(async () => {
  await pool?.end()
  await system?.stop()
})

it('a transaction of any size arrives whole, and the listener stays small', async () => {
  const rows = sized(1_000_000, 150_000)
  await insert('south', 1_000) // whatever a first change loads or compiles
  await changes(60_000)
  const { listener } = system.services
  const before = await residentMegabytes(listener.pid)
  const arrived = insert('north', rows).then(() => changes(300_000))
  const peak = await peakDuring(listener.pid, arrived)
  const counted = await arrived
  process.stdout.write(
    `${rows} rows in one transaction: the listener went from ${Math.round(before)} to ${Math.round(peak)} MB\n`,
  )
  expect(counted).toEqual({ records: 1_000 + rows, distinct: 1_000 + rows })
  expect(peak - before).toBeLessThan(100)
}, 400_000)

/** The largest resident set that a process shows while the work goes on, in megabytes. */
async function peakDuring(pid: number | undefined, work: Promise<unknown>): Promise<number> {
  let isOver = false
  const watched = work.finally(() => (isOver = true))
  let peak = 0
  while (!isOver) {
    peak = Math.max(peak, await residentMegabytes(pid))
    await Promise.race([delay(50), watched])
  }
  return peak
}

const insert = (depot: string, rows: number): Promise<unknown> =>
  pool.query(
    `insert into parcels select $1, number, gen_random_uuid(), 'shelf ' || number from generate_series(1, $2::int) as number`,
    [depot, rows],
  )

/** All that was committed so far, as it stands in Kafka. */
const changes = async (deadlineMs: number): Promise<unknown> =>
  (await countChanges(pool, system.stack.kafkaBrokers, ['parcel.changes.v1'], { partitions: 3, deadlineMs })).get(
    'parcel.changes.v1',
  )
