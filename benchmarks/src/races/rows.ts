import type { PostgresPair } from '@freshet/local-stack'
import { commitUnseen } from '@freshet/testing/live'
import pg from 'pg'
import type { Load, Row } from './library.js'

const marked = (id: number, version: number): Row => ({ id, version, mark: `row-${id}-at-${version}-` })

/** The rows that are cached, in a primary with a standby. */
export class Rows {
  readonly #primary: pg.Pool
  readonly #standby: pg.Pool
  #last = 0

  private constructor(private readonly pair: PostgresPair) {
    this.#primary = new pg.Pool({ connectionString: pair.primaryUrl, max: 8 })
    this.#standby = new pg.Pool({ connectionString: pair.standbyUrl, max: 4 })
  }

  static async open(pair: PostgresPair): Promise<Rows> {
    const rows = new Rows(pair)
    await rows.#primary.query('create table race_rows (id int primary key, version int not null)')
    return rows
  }

  get primary(): pg.Pool {
    return this.#primary
  }

  get standby(): pg.Pool {
    return this.#standby
  }

  /** Makes a row of version 1. */
  async add(): Promise<number> {
    const id = (this.#last += 1)
    await this.#primary.query('insert into race_rows values ($1, 1)', [id])
    return id
  }

  async change(id: number): Promise<void> {
    await this.#primary.query('update race_rows set version = version + 1 where id = $1', [id])
  }

  loading(id: number): Load {
    return async (from) => {
      const pool = from === 'standby' ? this.#standby : this.#primary
      const { rows } = await pool.query<{ version: number }>('select version from race_rows where id = $1', [id])
      return marked(id, rows[0]?.version ?? 0)
    }
  }

  /** What goes to Redis when this version is stored. */
  markOf(id: number, version: number): string {
    return marked(id, version).mark
  }

  /** A change that is in the write-ahead log, but that readers do not see until `show`. */
  async changeUnseen(id: number): Promise<{ readonly show: () => Promise<void> }> {
    return commitUnseen(this.pair.primaryUrl, 'update race_rows set version = version + 1 where id = $1', [id])
  }

  /** The standby shows nothing new until `resume`. */
  async pauseStandby(): Promise<{ readonly resume: () => Promise<void> }> {
    await this.pair.resumeReplay()
    await this.pair.pauseReplay()
    return { resume: () => this.pair.resumeReplay() }
  }

  async close(): Promise<void> {
    await Promise.all([this.#primary.end(), this.#standby.end()])
  }
}
