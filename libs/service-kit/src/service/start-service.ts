import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { DestinationStream } from 'pino'
import { readConfiguration, type Environment } from '../configuration/read-configuration.js'
import type { Variable } from '../configuration/variable.js'
import { HealthRegistry } from '../health/health-registry.js'
import { createLog } from '../log/create-log.js'
import { NestLog } from '../log/nest-log.js'
import { ServiceKitModule } from './service-kit.module.js'
import { rimVariables, type RunningService, type Service } from './service.js'

@Module({})
class RootModule {}

export interface StartOptions {
  readonly environment: Environment
  /** Where the log goes; standard output by default. */
  readonly logTo?: DestinationStream
}

/**
 * Starts a service in this process and leaves signals and exits to the caller.
 *
 * Order: providers are made, `onModuleInit` and `onApplicationBootstrap` run, then transports and HTTP begin (Nest's
 * hybrid applications would begin before). At the end Nest runs `onModuleDestroy` and `beforeApplicationShutdown`, closes
 * HTTP and transports, then runs `onApplicationShutdown`: that is the place to close pools.
 *
 * Throws ConfigurationError with all faults, and what a module throws at its start.
 */
export async function startService<V extends Readonly<Record<string, Variable<unknown>>>>(
  service: Service<V>,
  options: StartOptions,
): Promise<RunningService> {
  const { rim, own } = readBoth(service, options.environment)
  const log = createLog({
    service: service.name,
    level: rim.logLevel,
    format: rim.logFormat,
    ...(options.logTo && { destination: options.logTo }),
  })
  const health = new HealthRegistry()
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: RootModule, imports: [ServiceKitModule.for(service.name, log, health), service.module(own)] },
    new FastifyAdapter({ forceCloseConnections: 'idle' }),
    { logger: new NestLog(log), abortOnError: false, bufferLogs: false },
  )
  try {
    await service.configure?.(app, own)
    for (const strategy of (await service.transports?.(app, own)) ?? []) app.connectMicroservice({ strategy })
    await app.init()
    await app.startAllMicroservices()
    await app.listen(rim.port, rim.host)
  } catch (error) {
    await app.close().catch((second: unknown) => log.error({ err: second }, 'closing after a failed start failed too'))
    throw portError(error, rim.port)
  }
  const url = reachable(await app.getUrl())
  log.info({ url }, 'started')
  let closing: Promise<void> | undefined
  const close = () => {
    health.drain()
    closing ??= app.close()
    return closing
  }
  return { app, url, log, health, close }
}

/** One reading, so that the faults of both are told together. */
function readBoth<V extends Readonly<Record<string, Variable<unknown>>>>(
  service: Service<V>,
  environment: Environment,
) {
  const rim = rimVariables(service.httpPort)
  const together = { rim, own: service.variables }
  const flat = Object.fromEntries([
    ...Object.entries(rim).map(([name, variable]) => [`rim.${name}`, variable] as const),
    ...Object.entries(service.variables).map(([name, variable]) => [`own.${name}`, variable] as const),
  ])
  readConfiguration(flat, environment)
  return { rim: readConfiguration(together.rim, environment), own: readConfiguration(together.own, environment) }
}

const reachable = (url: string): string => url.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]')

function portError(error: unknown, port: number): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') return error
  return new PortInUseError(port, { cause: error })
}

/** Someone else listens on the port. */
export class PortInUseError extends Error {
  readonly code = 'PORT_IN_USE'
  constructor(
    readonly port: number,
    options: ErrorOptions,
  ) {
    super(`port ${port} is in use; set FRESHET_HTTP_PORT to another one, or to 0 for any free one`, options)
    this.name = 'PortInUseError'
  }
}
