import type { ClientBase } from 'pg'

/** Rows are read in pieces of so many. */
const CHUNK = 500

/**
 * The result of a query, read in pieces however long that takes. The server keeps it beyond its transaction
 * (`with hold`): a long run must neither hold back vacuum nor be ended as idle in a transaction.
 */
export class HeldCursor<Row extends object> {
  private constructor(
    private readonly client: ClientBase,
    private readonly name: string,
    /** How many rows there are. */
    readonly total: number,
  ) {}

  /** Runs the query to its end, read-only. Rejects as the server does. */
  static async open<Row extends object>(client: ClientBase, name: string, sql: string): Promise<HeldCursor<Row>> {
    await client.query('begin read only')
    try {
      await client.query(`declare ${name} scroll cursor with hold for ${sql}`)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
    const { rowCount } = await client.query(`move forward all in ${name}`)
    await client.query(`move absolute 0 in ${name}`)
    return new HeldCursor<Row>(client, name, rowCount ?? 0)
  }

  async *chunks(): AsyncIterable<readonly Row[]> {
    for (;;) {
      const { rows } = await this.client.query<Row>(`fetch ${CHUNK} from ${this.name}`)
      if (rows.length === 0) break
      yield rows
    }
    await this.client.query(`close ${this.name}`)
  }
}
