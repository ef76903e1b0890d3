import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresPair } from '@freshet/local-stack'
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
    await rows.#primary.query('alter role current_user set synchronous_commit = local') // only what is held waits
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

  /**
   * Commits a change that is in the write-ahead log, and with whoever reads that, but that readers do not see: it waits for
   * a synchronous standby that there is not. `show` lets it through.
   */
  async changeUnseen(id: number): Promise<{ readonly show: () => Promise<void> }> {
    await this.#settings("alter system set synchronous_standby_names = 'nobody'")
    const writer = new pg.Client({ connectionString: this.pair.primaryUrl })
    await writer.connect()
    await writer.query('set synchronous_commit = on')
    const committed = writer.query('update race_rows set version = version + 1 where id = $1', [id])
    await this.#until(`exists (select from pg_stat_activity where wait_event = 'SyncRep')`)
    return {
      show: async () => {
        await this.#settings('alter system reset synchronous_standby_names')
        await committed
        await writer.end()
      },
    }
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

  async #settings(statement: string): Promise<void> {
    await this.#primary.query(statement)
    await this.#primary.query('select pg_reload_conf()')
    const wanted = statement.includes('reset') ? '' : 'nobody'
    await this.#until(`current_setting('synchronous_standby_names') = '${wanted}'`)
  }

  async #until(condition: string): Promise<void> {
    for (const deadline = performance.now() + 10_000; ;) {
      const client = new pg.Client({ connectionString: this.pair.primaryUrl }) // a new one has the settings of now
      await client.connect()
      const { rows } = await client.query<{ holds: boolean }>(`select ${condition} as holds`)
      await client.end()
      if (rows[0]?.holds) return
      if (performance.now() > deadline) throw new Error(`not within 10 s: ${condition}`)
      await delay(20)
    }
  }
}
