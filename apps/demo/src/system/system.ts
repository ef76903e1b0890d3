import { createRequire } from 'node:module'
import {
  freePorts,
  ServiceProcess,
  stackEnvironment,
  startStack,
  type ProviderName,
  type Stack,
} from '@freshet/local-stack'
import { applySchema, seed } from '@freshet/members-catalog'
import pg from 'pg'

export interface SystemOptions {
  readonly provider?: 'auto' | ProviderName
  /** Rows of the reference domain. */
  readonly members: number
  readonly payments: number
  /** Instances of members-api; 2 by default. */
  readonly apis?: number
  /** Is there a cache-warmer? True by default. */
  readonly warmer?: boolean
  /** Where the services find servers instead of in the stack: behind proxies, or others than the stack's. */
  readonly routes?: (stack: Stack) => Promise<Partial<Pick<Stack, 'postgresUrl' | 'redisUrl' | 'kafkaBrokers'>>>
  /** The stack's option of this name: `host:port` of a proxy before Kafka. */
  readonly kafkaProxy?: string
  /** Variables for every service, over those of the stack. */
  readonly environment?: Readonly<Record<string, string>>
  readonly onProgress?: (line: string) => void
}

/** An instance of members-api. */
export interface Api {
  readonly process: ServiceProcess
  readonly url: string
}

/** The whole of Freshet on this machine: servers, the four services as processes of their own, instances of the API. */
export interface System {
  readonly stack: Stack
  readonly services: Readonly<Record<'listener' | 'invalidation', ServiceProcess>> & {
    readonly warmer?: ServiceProcess
  }
  readonly apis: readonly Api[]
  readonly invalidationUrl: string
  /** Of the cache-warmer, if there is one. */
  readonly warmerUrl: string | undefined
  /** What the services were given, for more processes beside them. */
  readonly environment: Readonly<Record<string, string>>
  /** Starts one more process that gets the same variables and is stopped with the rest. */
  launch(
    service: string,
    environment?: Readonly<Record<string, string>>,
  ): Promise<{ process: ServiceProcess; url: string }>
  stop(): Promise<void>
}

const mainOf = (service: string): string => createRequire(import.meta.url).resolve(`@freshet/${service}/main`)

/** Starts everything and resolves once the APIs serve. What was started is stopped again when a part does not come up. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const tell = options.onProgress ?? (() => undefined)
  const { provider, kafkaProxy } = options
  const stack = await startStack({ ...(provider && { provider }), ...(kafkaProxy && { kafkaProxy }), onProgress: tell })
  const running: ServiceProcess[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((process) => process.stop()))
    await stack.stop()
  }
  try {
    const routed = { ...stack, ...(await options.routes?.(stack)) }
    await prepareDatabase(routed.postgresUrl, options)
    tell(`${options.members} members and ${options.payments} payments are in Postgres`)
    const environment = { ...stackEnvironment(routed), FRESHET_LOG_FORMAT: 'json', ...options.environment }
    const launch: System['launch'] = async (service, more = {}) => {
      const [port = 0] = await freePorts(1)
      const url = `http://127.0.0.1:${port}`
      const process = new ServiceProcess({
        name: service,
        main: mainOf(service),
        environment: { ...environment, FRESHET_HTTP_PORT: String(port), ...more },
        readyUrl: `${url}/health/ready`,
      })
      running.push(process)
      process.begin()
      return { process, url }
    }
    const [listener, invalidation] = await Promise.all([launch('cdc-listener'), launch('invalidation-service')])
    const warmer =
      options.warmer === false
        ? undefined
        : await launch('cache-warmer', { FRESHET_LOADERS: '@freshet/members-catalog' })
    const apis = await Promise.all(Array.from({ length: options.apis ?? 2 }, () => launch('members-api')))
    await Promise.all(running.map((process) => process.ready()))
    const services = {
      listener: listener.process,
      invalidation: invalidation.process,
      ...(warmer && { warmer: warmer.process }),
    }
    return {
      stack,
      services,
      apis,
      invalidationUrl: invalidation.url,
      warmerUrl: warmer?.url,
      environment,
      launch,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function prepareDatabase(url: string, { members, payments }: SystemOptions): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  try {
    await applySchema(pool)
    await seed(pool, { members, payments })
  } finally {
    await pool.end()
  }
}
