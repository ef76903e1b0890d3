import { access, chmod, constants, copyFile, mkdir, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { redisAccepts } from '../accepts.js'
import { StackStartError } from '../errors.js'
import { onFreePorts } from '../ports.js'
import type { Endpoint } from '../server.js'
import { NativeServer } from './native-server.js'
import type { NativeStart } from './start.js'

const remedy = 'Put a redis-server on the PATH, or start a Docker engine.'

export async function startRedis(start: NativeStart): Promise<Endpoint> {
  const command = await redisCommand(start)
  return onFreePorts(1, (port) => startRedisOn(start, command, port))
}

/** One server on this port; `settings` as in redis.conf: `['--cluster-enabled', 'yes']`. */
export async function startRedisOn(
  { folder, guard, signal, onServer }: NativeStart,
  command: string,
  port: number,
  settings: readonly string[] = [],
): Promise<Endpoint> {
  const home = join(folder, `redis-${port}`)
  await mkdir(home)
  const inMemory = ['--dir', home, '--save', '', '--appendonly', 'no']
  const server = new NativeServer(
    {
      name: 'redis',
      command,
      args: ['--port', String(port), '--bind', '127.0.0.1', ...inMemory, ...settings],
      cwd: home,
      logFile: join(folder, `redis-${port}.log`),
      endSignal: 'SIGKILL',
      remedy,
      acceptsAs: (pid) => () => redisAccepts('127.0.0.1', port, String(pid)),
    },
    guard,
    signal,
  )
  onServer(server)
  await server.start()
  return { server, host: '127.0.0.1', port }
}

/** The redis-server of the PATH, else the one that comes from Maven. */
export const redisCommand = async (start: NativeStart): Promise<string> =>
  (await onPath(process.env['PATH'] ?? '')) ?? (await fromMaven(start))

async function onPath(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, 'redis-server')
    const runnable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runnable) return candidate
  }
  return undefined
}

async function fromMaven({ folder, artifacts }: NativeStart): Promise<string> {
  const binaries = join(await artifacts('redis'), 'redis')
  const file = redisBinary(await readdir(binaries), process.platform, process.arch)
  if (file === undefined) {
    throw new StackStartError({
      server: 'redis',
      reason: `there is no binary for ${process.platform} ${process.arch}`,
      remedy,
    })
  }
  const runnable = join(folder, 'redis-server')
  await copyFile(join(binaries, file), runnable) // the cache may be shared and read-only
  await chmod(runnable, 0o755)
  return runnable
}

/** Which of the files is for this platform: `redis-server-6.2.7-linux-arm64`. */
export function redisBinary(files: readonly string[], platform: string, arch: string): string | undefined {
  const machine = arch === 'x64' ? 'amd64' : arch
  return files.find((file) => file.startsWith('redis-server-') && file.endsWith(`-${platform}-${machine}`))
}
