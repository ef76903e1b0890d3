import { homedir } from 'node:os'
import { database } from './accepts.js'
import { CleanUp } from './clean-up.js'
import { ImageUnavailableError, StackStartError } from './errors.js'
import { startNative } from './native/start.js'
import type { Endpoint, Endpoints, Server, ServerName } from './server.js'
import { stackSettings, type ProviderName, type StackOptions, type StackSettings } from './settings.js'

interface Running {
  provider: ProviderName
  endpoints: Endpoints
}

/** A Postgres, a Kafka broker and a Redis that run for the one who started them. */
export interface Stack {
  readonly provider: ProviderName
  /** Database `freshet` with a superuser of the same name: `postgres://freshet:freshet@127.0.0.1:20123/freshet`. */
  readonly postgresUrl: string
  /** `host:port` of the one broker. It creates no topics by itself. */
  readonly kafkaBrokers: string
  /** `host:port` where the option's `kafkaProxy` has to lead. */
  readonly kafkaBehindProxy?: string
  /** `redis://host:port`; it writes nothing to disk, so that a restart loses everything. */
  readonly redisUrl: string
  readonly servers: Readonly<Record<ServerName, Server>>
  /** Stops all three and removes their data. May be called more than once; every call waits for the end. */
  stop(): Promise<void>
}

/**
 * Starts Postgres 18, Kafka 4.3 and Redis on free ports, empty, in parallel.
 *
 * Throws StackStartError when a server does not come up (with its last log lines and what to install; what had been
 * started is stopped again), StackSettingError for an option or variable that cannot be. Should the calling process die
 * without `stop()`, the native servers and their data are removed all the same.
 *
 * @example
 * const stack = await startStack({ provider: 'native' })
 * try {
 *   await new pg.Client(stack.postgresUrl).connect()
 * } finally {
 *   await stack.stop()
 * }
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const settings = stackSettings(options, process.env, homedir())
  const cleanUp = new CleanUp()
  try {
    const { provider, endpoints } = await start(settings, cleanUp)
    return describe(provider, endpoints, () => cleanUp.run())
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}

async function start(settings: StackSettings, cleanUp: CleanUp): Promise<Running> {
  if (settings.provider === 'native') return natively(settings, cleanUp)
  // Loaded only here: testcontainers costs half a second.
  const { connectEngine, startContainers } = await import('./containers/start.js')
  const engine = await connectEngine()
  if (settings.provider === 'auto' && engine === undefined) return natively(settings, cleanUp)
  if (engine === undefined) throw noEngine()
  try {
    return { provider: 'containers', endpoints: await startContainers(engine, settings, cleanUp) }
  } catch (error) {
    if (settings.provider === 'containers' || !(error instanceof ImageUnavailableError)) throw error
    settings.onProgress(`containers: ${error.reason}; starting natively instead`)
    return natively(settings, cleanUp)
  }
}

async function natively(settings: StackSettings, cleanUp: CleanUp): Promise<Running> {
  return { provider: 'native', endpoints: await startNative(settings, cleanUp) }
}

function noEngine(): StackStartError {
  const remedy = "Start Docker, or use the provider 'native', which needs a JDK 17 or newer and Maven 3."
  return new StackStartError({ server: 'containers', reason: 'no Docker engine answers', remedy })
}

function describe(provider: ProviderName, endpoints: Endpoints, stop: () => Promise<void>): Stack {
  const { postgres, kafka, redis } = endpoints
  return {
    provider,
    postgresUrl: `postgres://${database.user}:${database.password}@${authority(postgres)}/${database.name}`,
    kafkaBrokers: authority(kafka),
    ...(kafka.portBehindProxy !== undefined && { kafkaBehindProxy: `${kafka.host}:${kafka.portBehindProxy}` }),
    redisUrl: `redis://${authority(redis)}`,
    servers: { postgres: postgres.server, kafka: kafka.server, redis: redis.server },
    stop,
  }
}

function authority(endpoint: Endpoint): string {
  return `${endpoint.host}:${endpoint.port}`
}
