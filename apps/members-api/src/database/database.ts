import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { Pool, type QueryResultRow } from 'pg'
import type { Problem } from '@freshet/service-kit'

/** What a constraint's refusal tells the caller, by the constraint's name. */
export type Refusals = Readonly<Record<string, () => Problem>>

/** The service's own pool: what it writes goes straight to Postgres, and the cache learns of it from the write-ahead log. */
@Injectable()
export class Database implements OnApplicationShutdown {
  constructor(@Inject(Pool) readonly pool: Pool) {}

  /** Runs one writing statement and returns its rows. Throws the Problem that `refusals` has for a violated constraint. */
  async write<Row extends QueryResultRow>(
    text: string,
    values: readonly unknown[],
    refusals: Refusals = {},
  ): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>(text, [...values])).rows
    } catch (error) {
      const refusal = error instanceof Error && 'constraint' in error ? refusals[String(error.constraint)] : undefined
      throw refusal === undefined ? error : refusal()
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }
}

/** `set a = $1, b = $2` for the fields that are given, with their values; `columns` names the column of each field. */
export function assignments(
  fields: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, string>>,
): { set: string; values: unknown[] } {
  const given = Object.entries(columns).filter(([field]) => fields[field] !== undefined)
  return {
    set: given.map(([, column], index) => `${column} = $${index + 1}`).join(', '),
    values: given.map(([field]) => fields[field]),
  }
}
