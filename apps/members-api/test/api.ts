import { PGlite } from '@electric-sql/pglite'
import { BadTokenError, Cache, type Reading } from '@freshet/cache'
import type { KeyDefinition, TypedKey } from '@freshet/catalog'
import { applySchema, registerLoaders, seed, type ConnectionPool, type Sql } from '@freshet/members-catalog'
import type { DynamicModule, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { Pool } from 'pg'
import { ApiModule } from '../src/api.module.js'

type AnyLoad = (parameters: unknown) => unknown

/** Loads on every read, and says of it what a test wants said. */
export class LoadingCache {
  /** What readings say; a source's by default. */
  says: Partial<Reading<unknown>> = {}
  /** Thrown instead of an answer. */
  failure: Error | undefined
  readonly asked: TypedKey[] = []
  /** What `token()` gives; every other token is none. */
  readonly given = '1.token'
  /** The token that the last handler ran under. */
  carried: string | undefined
  private readonly loads = new Map<string, AnyLoad>()

  loader<Parameters extends object, Value>(
    key: KeyDefinition<Parameters, Value>,
    load: (parameters: Parameters, context: never) => unknown,
  ): void {
    this.loads.set(key.name, load as AnyLoad)
  }

  async get<Value, Parameters>(key: TypedKey<Value, Parameters>): Promise<Value> {
    return (await this.loads.get(key.template)?.(key.parameters)) as Value
  }

  async token(): Promise<string> {
    return this.given
  }

  withToken<T>(token: string | undefined, run: () => T): T {
    if (token !== undefined && token !== this.given) throw new BadTokenError(token)
    this.carried = token
    return run()
  }

  async read(key: TypedKey): Promise<Partial<Reading<unknown>>> {
    this.asked.push(key)
    if (this.failure) throw this.failure
    const value = await this.loads.get(key.template)?.(key.parameters)
    return {
      value,
      layer: 'source',
      ageMs: 0,
      ttlMs: 60_000,
      vouched: true,
      stale: false,
      joined: false,
      missed: 'absent',
      ...this.says,
    }
  }
}

/** The API over Postgres inside this process, with members 1 to 20 in organisations 1 and 2, and 100 payments. */
export interface Api {
  readonly app: NestFastifyApplication
  readonly cache: LoadingCache
  readonly lite: PGlite
}

export async function startApi(): Promise<Api> {
  const lite = await PGlite.create()
  const connections: ConnectionPool = {
    connect: async () => ({
      query: async (text, values) => (values ? lite.query(text, values) : lite.exec(text)),
      release: () => undefined,
    }),
  }
  await applySchema(connections)
  await seed(connections, { members: 20, payments: 100, organizations: 2 })
  const sql: Sql = {
    query: async <Row extends object>({ text, values }: { text: string; values: unknown[] }) =>
      lite.query<Row>(text, values),
  }
  const pool = {
    query: async (text: string, values: unknown[]) => lite.query(text, values),
    end: async () => lite.close(),
  }
  const cache = new LoadingCache()
  registerLoaders(cache, { pool: sql })

  const connected = provided([
    [Cache, cache],
    [Pool, pool],
  ])
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: TestModule, imports: [connected, ApiModule] },
    new FastifyAdapter(),
    { logger: false },
  )
  await app.init()
  await app.getHttpAdapter().getInstance().ready()
  return { app, cache, lite }
}

class TestModule {}
class ConnectedModule {}

const provided = (values: readonly (readonly [Type, unknown])[]): DynamicModule => ({
  module: ConnectedModule,
  global: true,
  providers: values.map(([provide, useValue]) => ({ provide, useValue })),
  exports: values.map(([token]) => token),
})
