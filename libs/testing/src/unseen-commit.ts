import pg from 'pg'
import { eventually } from './eventually.js'

/**
 * Commits a statement whose commit is in the write-ahead log, and with whoever reads that, but that readers do not see: it
 * waits for a synchronous standby that there is not. `show` lets it through. Commits on connections that were opened
 * before the call wait as well; those of later ones do not.
 */
export async function commitUnseen(
  url: string,
  statement: string,
  values: unknown[] = [],
): Promise<{ readonly show: () => Promise<void> }> {
  const control = new pg.Client(url)
  await control.connect()
  const isWaiting = async (): Promise<boolean> =>
    (await control.query(`select from pg_stat_activity where wait_event = 'SyncRep'`)).rowCount !== 0
  await control.query('alter role current_user set synchronous_commit = local')
  await control.query(`alter system set synchronous_standby_names = 'nobody'`)
  await control.query('select pg_reload_conf()')
  await eventually(() => settingOf(url, 'synchronous_standby_names'), 'nobody')
  const writer = new pg.Client(url)
  await writer.connect()
  await writer.query('set synchronous_commit = on')
  const committed = writer.query(statement, values)
  await eventually(isWaiting, true)
  return {
    show: async () => {
      await control.query('alter system reset synchronous_standby_names')
      await control.query('select pg_reload_conf()')
      await committed
      await Promise.all([writer.end(), control.end()])
    },
  }
}

/** As a new connection sees it: those that are open take a new value over with their next command. */
async function settingOf(url: string, name: string): Promise<string | undefined> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<{ value: string }>('select current_setting($1) as value', [name])).rows[0]?.value
  } finally {
    await client.end()
  }
}
