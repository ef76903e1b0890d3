import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CleanUp } from '../clean-up.js'
import { firstFailureStopsAll } from '../first-failure.js'
import type { Endpoint, Endpoints, ServerName } from '../server.js'
import type { StackSettings } from '../settings.js'
import { startGuard, type Guard } from './guard.js'
import { startKafka } from './kafka.js'
import { artifacts as fetchArtifacts, type Artifacts } from './maven.js'
import type { NativeServer } from './native-server.js'
import { startPostgres } from './postgres.js'
import { startRedis } from './redis.js'

/** What the start of each native server is given. */
export interface NativeStart {
  settings: StackSettings
  /** The stack's folder; everything that a server writes lies in it. */
  folder: string
  guard: Guard
  /** Aborted when another server failed: there is no use in going on. */
  signal: AbortSignal
  /** To be told of every server before it is started, so that it is ended in any case. */
  onServer: (server: NativeServer) => void
  /** What Maven provides; fetched at most once however many servers ask. */
  artifacts: (server: ServerName) => Promise<Artifacts>
}

/** Starts the three servers as processes of this machine, in parallel. Throws StackStartError. */
export async function startNative(settings: StackSettings, cleanUp: CleanUp): Promise<Endpoints> {
  const { onProgress } = settings
  const abort = new AbortController()
  const start = await prepareStart(settings, cleanUp, abort.signal)
  const timed = async (name: ServerName, starting: Promise<Endpoint>): Promise<Endpoint> => {
    const begun = performance.now()
    const endpoint = await starting
    onProgress(
      `${name}: accepts on ${endpoint.host}:${endpoint.port} after ${Math.round(performance.now() - begun)} ms`,
    )
    return endpoint
  }
  const [postgres, kafka, redis] = await firstFailureStopsAll(abort, [
    timed('postgres', startPostgres(start)),
    timed('kafka', startKafka(start)),
    timed('redis', startRedis(start)),
  ])
  return { postgres, kafka, redis }
}

/** A folder and a guard for servers of this machine; `cleanUp` ends them all, whichever of them are started. */
export async function prepareStart(
  settings: StackSettings,
  cleanUp: CleanUp,
  signal: AbortSignal,
): Promise<NativeStart> {
  const { onProgress, cacheFolder } = settings
  const folder = await mkdtemp(join(tmpdir(), 'freshet-stack-'))
  cleanUp.add(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  await chmod(folder, 0o711) // Postgres may run as another user and has to get through to its own folder
  const guard = startGuard(folder)
  cleanUp.add(async () => guard.release())
  let fetched: Promise<Artifacts> | undefined
  return {
    settings,
    folder,
    guard,
    signal,
    onServer: (server) => cleanUp.add(async () => server.end()),
    artifacts: (server) => (fetched ??= fetchArtifacts({ cacheFolder, server, onProgress, signal })),
  }
}
