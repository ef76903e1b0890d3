import { PGlite } from '@electric-sql/pglite'
import { applySchema, type ConnectionPool } from '../src/schema.js'
import { seed, type SeedSize } from '../src/seed.js'
import type { Sql } from '../src/sql.js'

/** Postgres inside the test's own process: the same SQL engine, without a server. */
export interface Database extends Sql, ConnectionPool {
  /** Runs SQL as it stands. */
  exec(text: string, values?: unknown[]): Promise<object[]>
  close(): Promise<void>
}

export async function openDatabase(size: SeedSize): Promise<Database> {
  const lite = await PGlite.create()
  const exec = async (text: string, values?: unknown[]): Promise<object[]> => {
    if (values !== undefined) return (await lite.query<object>(text, values)).rows
    return (await lite.exec(text)).at(-1)?.rows ?? []
  }
  const database: Database = {
    exec,
    query: async <Row extends object>({ text, values }: { text: string; values: unknown[] }) =>
      lite.query<Row>(text, values),
    connect: async () => ({ query: exec, release: () => undefined }),
    close: () => lite.close(),
  }
  await applySchema(database)
  await seed(database, size)
  return database
}
