import { homedir } from 'node:os'
import { CleanUp } from './clean-up.js'
import { startRedis as startNativeRedis } from './native/redis.js'
import { prepareStart } from './native/start.js'
import type { Server } from './server.js'
import { stackSettings } from './settings.js'

/** A Redis without the rest of the stack. */
export interface RedisAlone {
  /** `redis://host:port`; it writes nothing to disk, so that a restart loses everything. */
  readonly redisUrl: string
  readonly server: Server
  stop(): Promise<void>
}

/**
 * Starts only a Redis, natively, on a free port: for tests that need no more than that.
 *
 * Throws StackStartError when it does not come up.
 */
export async function startRedis(): Promise<RedisAlone> {
  const cleanUp = new CleanUp()
  try {
    const settings = stackSettings({ provider: 'native' }, process.env, homedir())
    const start = await prepareStart(settings, cleanUp, new AbortController().signal)
    const { server, host, port } = await startNativeRedis(start)
    return { redisUrl: `redis://${host}:${port}`, server, stop: async () => cleanUp.run() }
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}
