import { createPool } from '@freshet/postgres'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../../libs/postgres/test/tables/postgres-server.js'
import { preparePublications } from '../../src/admission/prepare-publications.js'
import {
  describePreflightFault,
  preflight,
  PreflightError,
  type PreflightCode,
  type PreflightFault,
} from '../../src/preflight/preflight.js'

// Each test talks to a real server, on a machine that does other things too.
vi.setConfig({ testTimeout: 30_000 })

const options = { slot: 'freshet', publication: 'freshet', namespace: 'test' }

/** As people do with psql: one statement after the other. */
async function execute(pool: pg.Pool, statement: string): Promise<void> {
  for (const line of statement.split(/;(?:\n|$)/).filter((part) => part.trim() !== '')) await pool.query(line)
}

describe('a server that was never set up for it', () => {
  let server: PostgresServer
  beforeAll(async () => {
    // Not as flags, which would outdo ALTER SYSTEM.
    server = await startPostgres({}, { wal_level: 'replica', max_replication_slots: '1', max_wal_senders: '0' })
    await server.pool.query(`select pg_create_physical_replication_slot('standby')`).catch(() => undefined)
  }, 60_000)
  afterAll(() => server.stop())

  it('prints each fault with a statement; executed, the faults are gone', async () => {
    const before = await preflight(server.pool, options)
    expect(codes(before)).toEqual(['wal-level', 'slots-exhausted', 'senders-exhausted', 'slot-not-on-standbys'])
    const faults = before.filter(({ severity }) => severity === 'fault')
    expect(faults.every(({ statement, restart }) => statement !== undefined && restart === true)).toBe(true)
    expect(new PreflightError(faults).message).toContain(`alter system set wal_level = 'logical';`)
    for (const { statement = '' } of faults) await execute(server.pool, statement)
    await server.restart()
    const after = await preflight(server.pool, options)
    expect(codes(after)).toEqual(['slot-not-on-standbys'])
    await execute(server.pool, after[0]?.statement ?? '')
    expect(await preflight(server.pool, options)).toEqual([])
  }, 60_000)
})

describe('a server that is set up for it', () => {
  let server: PostgresServer
  let pool: pg.Pool
  beforeAll(async () => {
    server = await startPostgres()
    await server.pool.query('create role listener login')
    pool = createPool({ url: server.urlOf({ user: 'listener' }), applicationName: 'preflight' })
  }, 60_000)
  afterEach(async () => {
    await server.pool.query(`
      alter role listener replication; grant create on database postgres to listener;
      drop publication if exists freshet, freshet_append`)
  })
  afterAll(async () => {
    await pool.end()
    await server.stop()
  })

  const mends = async (code: PreflightCode): Promise<string> => {
    const faults = (await preflight(pool, options)).filter((one) => one.code === code)
    const printed = faults.map(describePreflightFault).join('\n')
    expect(faults.length, `faults ${code}`).toBeGreaterThan(0)
    for (const { statement = '' } of faults) {
      expect(printed).toContain(statement.split('\n')[0])
      await execute(server.pool, statement)
    }
    expect(codes(await preflight(pool, options))).not.toContain(code)
    return printed
  }

  it('a role that may not replicate', async () => {
    await server.pool.query('alter role listener noreplication')
    await mends('role-without-replication')
  })

  it('a role that may not create publications', async () => {
    await server.pool.query('revoke create on database postgres from listener')
    await mends('role-without-create')
    await preparePublications({ pool, ...options })
    await server.pool.query('revoke create on database postgres from listener')
    expect(codes(await preflight(pool, options))).toEqual([])
  })

  it('a publication that somebody else made', async () => {
    await server.pool.query('create publication freshet; alter publication freshet owner to listener')
    expect(await mends('publication-not-ours')).toContain('FRESHET_PUBLICATION')
  })

  it('a publication of another namespace', async () => {
    await preparePublications({ pool, ...options, namespace: 'other' })
    await mends('publication-not-ours')
  })

  it('a publication of all tables, which would let writes of key-less tables fail', async () => {
    await server.pool.query('create publication freshet for all tables')
    await mends('publication-not-ours')
  })

  it('a slot of another plugin', async () => {
    await server.pool.query(`select pg_create_logical_replication_slot('freshet', 'pgoutput', twophase => true)`)
    await mends('slot-of-another')
  })

  it.each([
    ['alter role listener set synchronous_commit = off'],
    ['alter database postgres set synchronous_commit = off'],
    ['alter role listener in database postgres set synchronous_commit = false'],
    ['alter system set synchronous_commit = off'],
  ])('%s is warned of', async (statement) => {
    await server.pool.query(statement)
    await server.pool.query('select pg_reload_conf()')
    await pool.end()
    pool = createPool({ url: server.urlOf({ user: 'listener' }), applicationName: 'preflight' })
    const fault = (await preflight(pool, options)).find(({ code }) => code === 'asynchronous-commits')
    expect(fault?.severity).toBe('warning')
    await execute(server.pool, fault?.statement ?? '')
    await expect.poll(async () => codes(await preflight(pool, options))).toEqual([])
  })
})

const codes = (faults: readonly PreflightFault[]): PreflightCode[] => faults.map(({ code }) => code)
