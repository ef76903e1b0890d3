import { cp, writeFile, chown } from 'node:fs/promises'
import { join } from 'node:path'
import { database } from '../accepts.js'
import { onFreePorts } from '../ports.js'
import type { Endpoint } from '../server.js'
import { runProgram } from './program.js'
import { makeHome, postgresServer, type Installation, type NativePostgres } from './postgres.js'
import type { NativeStart } from './start.js'

/**
 * A streaming standby of a primary that runs on this machine, from a cold copy of its data: the primary is stopped for it
 * and started again.
 */
export async function startStandby(
  start: NativeStart,
  installation: Installation,
  primary: NativePostgres,
  applyDelayMs: number,
): Promise<Endpoint> {
  const { identity } = installation
  return onFreePorts(1, async (port) => {
    const { home, data } = await makeHome(start.folder, port, identity)
    await primary.server.kill('SIGINT') // a fast shutdown, with a checkpoint
    await copyAs(primary.data, data, start, identity)
    await primary.server.start()
    const marker = join(data, 'standby.signal')
    await writeFile(marker, '')
    if (identity) await chown(marker, identity.uid, identity.gid)
    const { user, password } = database
    const settings = {
      hot_standby: 'on',
      // what the standby shows must not be held up by, nor hold up, what is read there
      hot_standby_feedback: 'off',
      max_standby_streaming_delay: '500ms',
      recovery_min_apply_delay: `${applyDelayMs}ms`,
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${user} password=${password} application_name=standby`,
    }
    const server = postgresServer(start, installation, { home, data, port, settings })
    start.onServer(server)
    await server.start()
    return { server, host: '127.0.0.1', port }
  })
}

/** Root copies what belongs to another user, and gives it to that user again. */
async function copyAs(
  from: string,
  to: string,
  { signal }: NativeStart,
  identity: Installation['identity'],
): Promise<void> {
  if (identity === undefined) return cp(from, to, { recursive: true })
  await runProgram({
    server: 'postgres',
    title: 'copy of the data',
    command: 'cp',
    args: ['-R', from, to],
    cwd: '/',
    identity,
    remedy: 'See that the disk has room.',
    signal,
  })
}
