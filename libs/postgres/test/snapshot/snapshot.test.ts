import { isVisible } from '@freshet/coherence'
import { xid } from '@freshet/pgoutput'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readSystemIdentity } from '../../src/snapshot/identity.js'
import { takeFloor } from '../../src/snapshot/floor.js'
import { takeSnapshot, takeTablesSnapshot } from '../../src/snapshot/snapshot.js'
import { StandbyRefusedError } from '../../src/snapshot/standby-refused.js'
import { startPostgres, type PostgresServer } from '../tables/postgres-server.js'

// Each test talks to a real server, on a machine that does other things too.
vi.setConfig({ testTimeout: 30_000 })

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.stop())

it('a snapshot does not show what is still open, and shows it once it is committed', async () => {
  const writer = await server.pool.connect()
  await writer.query('begin')
  const { rows } = await writer.query<{ id: string }>('select pg_current_xact_id()::text as id')
  const id = xid(BigInt(rows[0]?.id ?? 0))
  const during = await takeSnapshot(server.pool)
  await writer.query('commit')
  writer.release()
  const after = await takeSnapshot(server.pool)
  expect(isVisible(id, during.snapshot)).toBe(false)
  expect(isVisible(id, after.snapshot)).toBe(true)
  expect(after.insertLsn).toBeGreaterThan(during.insertLsn)
})

it('a floor lies above every transaction that had begun', async () => {
  const before = await takeSnapshot(server.pool)
  const floor = await takeFloor(server.pool)
  const next = await takeFloor(server.pool)
  expect(floor.floor).toBeGreaterThanOrEqual(before.snapshot.xmax)
  expect(floor.pruned).toBeGreaterThanOrEqual(before.insertLsn)
  expect(next.floor).toBeGreaterThan(floor.floor)
})

it('a snapshot says whose it is, with the clock of the database', async () => {
  const snapshot = await takeTablesSnapshot(server.pool, ['public.missing'], [])
  const identity = await readSystemIdentity(server.pool)
  expect(snapshot).toMatchObject({ ...identity, timeline: 1, inRecovery: false, fingerprint: 'public.missing=-' })
  expect(Math.abs(snapshot.databaseTimeMs - Date.now())).toBeLessThan(60_000)
})

it('a standby says that it is one, and gives no floor', async () => {
  const { systemId } = await readSystemIdentity(server.pool)
  await server.demote()
  await expect
    .poll(async () => takeSnapshot(server.pool).catch(String), { timeout: 20_000 })
    .toMatchObject({
      systemId,
      timeline: 1,
      inRecovery: true,
      insertLsn: 0n,
    })
  await expect(takeFloor(server.pool)).rejects.toThrow(StandbyRefusedError)
})
