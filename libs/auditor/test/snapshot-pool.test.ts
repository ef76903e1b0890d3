import { startPostgresPair, type PostgresPair } from '@freshet/local-stack'
import { createPool, StandbyRefusedError } from '@freshet/postgres'
import { SnapshotPool } from '@freshet/auditor'
import { afterAll, beforeAll, expect, it } from 'vitest'

let pair: PostgresPair
let real: ReturnType<typeof createPool>
let snapshots: SnapshotPool

beforeAll(async () => {
  pair = await startPostgresPair()
  real = createPool({ url: pair.primaryUrl, applicationName: 'audit-test' })
  await real.query('create table counts (n int not null)')
  await real.query('insert into counts values (1)')
  snapshots = new SnapshotPool(real)
}, 60_000)
afterAll(async () => {
  await real.end()
  await pair.stop()
})

const count = async (): Promise<unknown> => (await snapshots.pool.query('select n from counts')).rows[0]
const write = () => real.query('update counts set n = n + 1')

/** As loaders do that need more than one statement. */
async function inTransaction(): Promise<unknown> {
  const client = await snapshots.pool.connect()
  try {
    await client.query('begin transaction isolation level repeatable read')
    const { rows } = await client.query<{ n: number }>('select n from counts')
    await client.query('COMMIT')
    return rows[0]
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

it('loads under one snapshot see the same, whatever is committed between them', async () => {
  const before = await count()
  const { result, statements } = await snapshots.under(async () => {
    const first = await count()
    await write()
    return [first, await inTransaction(), await count()]
  })
  expect(result).toEqual([before, before, before])
  expect(statements).toBe(3)
  expect(await count()).not.toEqual(before)
})

it('statements that a loader sends at once are sent one after the other', async () => {
  const { result } = await snapshots.under(() => Promise.all([count(), count(), inTransaction()]))
  expect(new Set(result.map((row) => JSON.stringify(row))).size).toBe(1)
})

it('takes callbacks, as a pool does', async () => {
  const { result } = await snapshots.under(
    () =>
      new Promise((resolve, reject) =>
        snapshots.pool.query('select n from counts', (error: Error | undefined, found) =>
          error ? reject(error) : resolve(found.rows.length),
        ),
      ),
  )
  expect(result).toBe(1)
})

it('a loader that writes is refused, and the connection is good for the next', async () => {
  await expect(snapshots.under(() => snapshots.pool.query('delete from counts'))).rejects.toThrow('read-only')
  expect(await count()).toBeDefined()
})

it('a server that ends the connection makes the load fail, and not the process', async () => {
  const ended = snapshots.under(async () => {
    await real.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'audit-test' and state = 'idle in transaction'`)
    await new Promise((resolve) => setTimeout(resolve, 50)) // nothing is under way on it when it ends
    return count()
  })
  await expect(ended).rejects.toThrow()
  expect(await count()).toBeDefined()
})

it('a standby is refused: what it shows may be old', async () => {
  const replica = createPool({ url: pair.standbyUrl, applicationName: 'audit-test' })
  await expect(new SnapshotPool(replica).under(count)).rejects.toThrow(StandbyRefusedError)
  await replica.end()
})
