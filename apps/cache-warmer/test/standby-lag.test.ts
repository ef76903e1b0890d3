import { startPostgresPair, type PostgresPair } from '@freshet/local-stack'
import { createPool } from '@freshet/postgres'
import { eventually } from '@freshet/testing/live'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { limitBehind } from '../src/pace/load-limit.js'
import { PoolPace } from '../src/pace/pool-pace.js'
import { StandbyLag } from '../src/pace/standby-lag.js'

let pair: PostgresPair
let pool: ReturnType<typeof createPool>
beforeAll(async () => {
  pair = await startPostgresPair()
  pool = createPool({ url: pair.primaryUrl, applicationName: 'standby-lag-test' })
  await pool.query('create table items (text text not null)')
}, 60_000)
afterAll(async () => {
  await pool?.end()
  await pair?.stop()
})

it('a standby that does not replay is behind, and one that has caught up is not', async () => {
  const lags: number[] = []
  const onLag = (bytes: number) => lags.push(bytes)
  const lag = new StandbyLag({ database: pool, mostBytes: 100_000, everyMs: 0, onLag })
  await eventually(() => lag.isBehind(), false)
  await pair.pauseReplay()
  await pool.query(`insert into items select repeat('x', 1000) from generate_series(1, 1000)`)
  await eventually(() => lag.isBehind(), true)
  expect(lags.at(-1)).toBeGreaterThan(1_000_000)
  await pair.resumeReplay()
  await eventually(() => lag.isBehind(), false)
}, 30_000)

it('a logical slot that is behind, as the listener may be, is no standby', async () => {
  let asked = ''
  const database = { query: async (text: string) => ((asked = text), { rows: [] }) } as unknown as typeof pool
  await new StandbyLag({ database, mostBytes: 1, onLag: () => undefined }).isBehind()
  /** As if this were all that the primary sends, to the process of a slot of this type. */
  const lagWith = async (slotType: string) => {
    const { rows } = await pool.query<{ bytes: number }>(`
      with pg_stat_replication as (select 'streaming' as state, 7 as pid, '0/0'::pg_lsn as replay_lsn),
        pg_replication_slots as (select 7 as active_pid, '${slotType}' as slot_type)
      ${asked}`)
    return rows[0]?.bytes
  }
  expect(await lagWith('logical')).toBe(0)
  expect(await lagWith('physical')).toBeGreaterThan(0)
})

it('where the primary does not answer nobody is behind: the pool knows that it is away', async () => {
  const database = createPool({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'none' })
  const lag = new StandbyLag({ database, mostBytes: 1, onLag: () => undefined })
  expect(await lag.isBehind()).toBe(false)
  await database.end()
})

it('a standby that stays behind leaves a quarter, whatever it was before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 }), (max, start) => {
      let limit = Math.min(start, max)
      for (let at = 0; at < 200; at++) limit = limitBehind(limit, max)
      expect(limit).toBe(Math.ceil(max / 4))
    }),
  )
})

it('the pace is lowered while a standby is behind, and comes back when it is not', async () => {
  const limits: number[] = []
  let isBehind = true
  const pace = new PoolPace({
    pool: { connect: async () => ({ release: () => undefined }) },
    max: 50,
    intervalMs: 1,
    isBusy: () => true,
    isStandbyBehind: async () => isBehind,
    onPace: ({ limit }) => limits.push(limit),
  })
  await eventually(() => limits.at(-1), 13)
  isBehind = false
  await eventually(() => limits.at(-1), 50)
  pace.close()
})
