import type { DynamicModule, Type } from '@nestjs/common'
import type { CustomTransportStrategy } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { Logger } from 'pino'
import { withDefault, type Configuration, type Variable } from '../configuration/variable.js'
import { variables } from '../configuration/variables.js'
import type { HealthRegistry } from '../health/health-registry.js'

/** What a service is made of. */
export interface Service<V extends Readonly<Record<string, Variable<unknown>>>> {
  /** `members-api` */
  readonly name: string
  /** The variables that it reads, by the names that it gives them; those of the rim (HTTP, log) are read beside them. */
  readonly variables: V
  /** Its port where FRESHET_HTTP_PORT is not set; 3000 by default. */
  readonly httpPort?: number
  readonly module: (configuration: Configuration<V>) => Type | DynamicModule
  /** Transports beside HTTP, made once all providers exist: `(app) => [new FreshetKafkaStrategy(...)]`. */
  readonly transports?: (
    app: NestFastifyApplication,
    configuration: Configuration<V>,
  ) => readonly CustomTransportStrategy[] | Promise<readonly CustomTransportStrategy[]>
  /** Pipes, filters, documents: before anything is initialized. */
  readonly configure?: (app: NestFastifyApplication, configuration: Configuration<V>) => void | Promise<void>
}

/** A service that runs. */
export interface RunningService {
  readonly app: NestFastifyApplication
  /** `http://127.0.0.1:3000`, to be reached from this machine. */
  readonly url: string
  readonly log: Logger
  readonly health: HealthRegistry
  /** Takes no new work, ends what runs, closes transports, then pools. May be called more than once. */
  close(): Promise<void>
}

/** The variables of the rim. */
export const rimVariables = (httpPort: number | undefined) => ({
  host: variables.httpHost,
  port: httpPort === undefined ? variables.httpPort : withDefault(variables.httpPort, String(httpPort)),
  logLevel: variables.logLevel,
  logFormat: variables.logFormat,
})
