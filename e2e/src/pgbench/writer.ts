import pg from 'pg'
import type { Load } from './pgbench.js'

/** As `pgbench -i` makes them at scale 1: one branch, 10 tellers, 100,000 accounts; the history has no key. */
const tables = `
drop table if exists pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers;
create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
create table pgbench_tellers (tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100);
create table pgbench_accounts (aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100);
create table pgbench_branches (bid int not null, bbalance int, filler char(88)) with (fillfactor = 100);
insert into pgbench_branches (bid, bbalance) values (1, 0);
insert into pgbench_tellers (tid, bid, tbalance) select tid, 1, 0 from generate_series(1, 10) as tid;
insert into pgbench_accounts (aid, bid, abalance, filler) select aid, 1, 0, '' from generate_series(1, 100000) as aid;
alter table pgbench_branches add primary key (bid);
alter table pgbench_tellers add primary key (tid);
alter table pgbench_accounts add primary key (aid);
`

export async function createTables(postgresUrl: string): Promise<void> {
  const client = new pg.Client(postgresUrl)
  await client.connect()
  try {
    await client.query(tables)
  } finally {
    await client.end()
  }
}

/** The script `tpcb-like`, as many clients as told, until the time is over or the signal is aborted. */
export async function writeTransactions(postgresUrl: string, { clients, seconds, signal }: Load): Promise<void> {
  const endsAt = performance.now() + seconds * 1_000
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new pg.Client({ connectionString: postgresUrl, application_name: 'pgbench' })
      await client.connect()
      try {
        while (performance.now() < endsAt && !signal?.aborted) await writeTransaction(client)
      } finally {
        await client.end()
      }
    }),
  )
}

async function writeTransaction(client: pg.Client): Promise<void> {
  const [aid, bid, tid, delta] = [between(1, 100_000), 1, between(1, 10), between(-5_000, 5_000)]
  await client.query('begin')
  await client.query('update pgbench_accounts set abalance = abalance + $1 where aid = $2', [delta, aid])
  await client.query('select abalance from pgbench_accounts where aid = $1', [aid])
  await client.query('update pgbench_tellers set tbalance = tbalance + $1 where tid = $2', [delta, tid])
  await client.query('update pgbench_branches set bbalance = bbalance + $1 where bid = $2', [delta, bid])
  await client.query(
    'insert into pgbench_history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, current_timestamp)',
    [tid, bid, aid, delta],
  )
  await client.query('end')
}

const between = (least: number, most: number): number => least + Math.floor(Math.random() * (most - least + 1))
