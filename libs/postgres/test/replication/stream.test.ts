import { TcpProxy } from '@freshet/testing/live'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { lsn } from '@freshet/pgoutput'
import {
  createSlot,
  dropSlot,
  readSlot,
  ReplicationLostError,
  ReplicationRefusedError,
  type ReplicationOptions,
} from '../../src/index.js'
import { startPostgres, type PostgresServer } from '../tables/postgres-server.js'
import { capture, until, type Captured } from './captured.js'

vi.setConfig({ testTimeout: 30_000 })

const slotName = 'things_slot'
let server: PostgresServer
let open: Captured[] = []

beforeAll(async () => {
  server = await startPostgres({ wal_sender_timeout: '1s' })
}, 60_000)
afterAll(() => server.stop())
beforeEach(async () => {
  await server.pool.query(`
    drop publication if exists things_changes; drop table if exists things;
    create table things (id int primary key, note text); create publication things_changes for table things`)
  await createSlot(server.pool, slotName)
})
afterEach(async () => {
  await Promise.all(open.map(({ stream }) => stream.close()))
  open = []
  await until(
    'the slot is free',
    () => readSlot(server.pool, slotName),
    (slot) => slot?.active === false,
  )
  await dropSlot(server.pool, slotName)
})

async function start(options: Partial<ReplicationOptions> = {}, before?: () => Promise<void>): Promise<Captured> {
  const captured = await capture({ url: server.url, slotName, ...options }, before)
  open.push(captured)
  return captured
}
const insert = (from: number, to = from) =>
  server.pool.query(`insert into things select id, 'note ' || id from generate_series($1::int, $2::int) id`, [from, to])
const allIsSent = 'select sent_lsn >= pg_current_wal_flush_lsn() as sent from pg_stat_replication'
const ids = ({ rows }: Captured): unknown[] => rows.map(({ id }) => id)

describe('a replication stream', () => {
  it('hands over committed changes in order, and nothing of a rollback', async () => {
    const captured = await start()
    await insert(1, 3)
    await server.pool.query(`begin; insert into things values (100); rollback`)
    await insert(4)
    await until(
      'four rows',
      () => ids(captured),
      (seen) => seen.length >= 4,
    )
    expect(ids(captured)).toEqual([1, 2, 3, 4])
  })

  it('goes on behind what was acknowledged, and repeats what was not', async () => {
    const first = await start()
    await insert(1)
    await insert(2)
    const commits = await until(
      'two commits',
      () => first.messages.flatMap((message) => (message.kind === 'commit' ? [message] : [])),
      (seen) => seen.length >= 2,
    )
    first.stream.acknowledge(commits[0]?.endLsn ?? lsn(0n))
    first.stream.acknowledge(lsn(1n)) // never back
    await first.stream.close()
    const second = await start()
    await until(
      'the row that was not acknowledged',
      () => ids(second),
      (seen) => seen.length >= 1,
    )
    await insert(3)
    await until(
      'the next row',
      () => ids(second),
      (seen) => seen.length >= 2,
    )
    expect(ids(second)).toEqual([2, 3])
  })

  it('says on request how far the server has sent, on a server where nothing happens', async () => {
    const captured = await start()
    const { rows } = await server.pool.query<{ at: string }>(`select (pg_current_wal_flush_lsn() - '0/0')::text at`)
    await until(
      'a keepalive behind the flushed log',
      () => {
        captured.stream.requestKeepalive()
        return captured.keepalives.map(String)
      },
      (seen) => seen.some((position) => BigInt(position) >= BigInt(rows[0]?.at ?? 0)),
    )
  })

  it('reads nothing while its receiver is busy, and keeps its connection all the same', async () => {
    const busy = Promise.withResolvers<void>()
    const captured = await start({ statusIntervalMs: 50 }, () => busy.promise)
    await insert(1)
    await until('the receiver is busy', captured.calls, (calls) => calls === 1)
    await insert(2, 20_000)
    const replied = async (): Promise<Date | undefined> =>
      (await server.pool.query<{ reply_time: Date }>('select reply_time from pg_stat_replication')).rows[0]?.reply_time
    const started = Date.now()
    await until('heard of for longer than wal_sender_timeout', replied, (at) => Number(at) - started > 1_500)
    expect(captured.calls()).toBe(1)
    busy.resolve()
    await until(
      'all rows',
      () => captured.rows.length,
      (count) => count >= 20_000,
    )
    expect(ids(captured)).toEqual(Array.from({ length: 20_000 }, (_, at) => at + 1))
  })

  it('takes many changes at once when many have come', async () => {
    const busy = Promise.withResolvers<void>()
    const captured = await start({}, () => busy.promise)
    await insert(1)
    await until('the receiver is busy', captured.calls, (calls) => calls === 1)
    await insert(2, 2_000) // fits into the buffers between the two
    await until(
      'all of it is sent',
      async () => (await server.pool.query<{ sent: boolean }>(allIsSent)).rows[0]?.sent,
      (sent) => sent === true,
    )
    busy.resolve()
    await until(
      'all rows',
      () => captured.rows.length,
      (count) => count >= 2_000,
    )
    expect(captured.calls()).toBeLessThan(20)
  })

  it('takes a row of many megabytes', async () => {
    const captured = await start()
    await server.pool.query(`insert into things values (1, repeat('x', 20000000))`)
    const rows = await until(
      'the row',
      () => captured.rows,
      (seen) => seen.length >= 1,
    )
    expect(String(rows[0]?.['note']).length).toBe(20_000_000)
  })

  it('lets go of its slot when it is closed', async () => {
    const first = await start()
    await insert(1, 5_000)
    await until(
      'a row',
      () => first.rows.length,
      (count) => count >= 1,
    )
    await first.stream.close()
    expect(await first.stream.ended).toBeUndefined()
    expect(await readSlot(server.pool, slotName)).toMatchObject({ active: false, plugin: 'pgoutput' })
  })

  it('is refused with SQLSTATE where there is no slot, and where somebody else reads it', async () => {
    const refusal = async (name: string): Promise<unknown> =>
      start({ slotName: name }).then(
        () => 'not refused',
        (error: unknown) => error,
      )
    const missing = await refusal('no_such_slot')
    expect(missing).toBeInstanceOf(ReplicationRefusedError)
    expect(missing).toMatchObject({ sqlState: '42704', slotName: 'no_such_slot', code: 'REPLICATION_REFUSED' })
    await start()
    expect(await refusal(slotName)).toMatchObject({ sqlState: '55006' })
  })

  it('ends with the reason when the server ends it', async () => {
    const captured = await start()
    await server.pool.query('select pg_terminate_backend(active_pid) from pg_replication_slots')
    const error = await captured.stream.ended
    expect(error).toMatchObject({ sqlState: '57P01' })
  })

  it('ends with the error that its receiver threw', async () => {
    const captured = await start({}, () => Promise.reject(new RangeError('too much')))
    await insert(1)
    expect(await captured.stream.ended).toEqual(new RangeError('too much'))
  })

  it('takes a server for dead that says nothing though it was asked', async () => {
    const path = await TcpProxy.before(server.url)
    try {
      const captured = await start({ url: path.url, silenceMs: 300, statusIntervalMs: 50 })
      await insert(1)
      await until(
        'a row',
        () => ids(captured),
        (seen) => seen.length === 1,
      )
      path.fallSilent()
      const error = await captured.stream.ended
      expect(error).toBeInstanceOf(ReplicationLostError)
      expect(String(error)).toContain('has said nothing for')
    } finally {
      await path.close()
    }
  })

  it('prints dates as ISO whatever the database is set to', async () => {
    await server.pool.query(`alter database postgres set datestyle = 'German'`)
    await server.pool.query(`alter database postgres set timezone = 'Asia/Tokyo'`)
    try {
      await server.pool.query(`alter table things add d date, add t timestamptz`)
      const captured = await start()
      await server.pool.query(`insert into things values (1, null, '2026-11-24', '2026-11-24 10:00:00+00')`)
      const rows = await until(
        'the row',
        () => captured.rows,
        (seen) => seen.length >= 1,
      )
      expect(rows[0]).toMatchObject({ d: '2026-11-24', t: '2026-11-24 10:00:00+00' })
    } finally {
      await server.pool.query('alter database postgres reset all')
    }
  })
})

describe('a slot', () => {
  it('is known by its facts', async () => {
    await insert(1)
    const facts = await readSlot(server.pool, slotName)
    expect(facts).toMatchObject({
      name: slotName,
      database: 'postgres',
      active: false,
      invalidated: undefined,
      walStatus: 'reserved',
      failover: false,
    })
    expect(facts?.retainedBytes).toBeGreaterThan(0)
    expect(await readSlot(server.pool, 'no_such_slot')).toBeUndefined()
  })

  it('is kept for failovers if asked', async () => {
    await createSlot(server.pool, 'kept', { failover: true })
    expect(await readSlot(server.pool, 'kept')).toMatchObject({ failover: true })
    await dropSlot(server.pool, 'kept')
  })
})
