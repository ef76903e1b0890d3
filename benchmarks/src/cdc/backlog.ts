import pg from 'pg'

/** Each run of the table's writer leaves so many transactions of one row each in the log. */
export const tableSql = `
create table public.readings (id bigint primary key, sensor int not null, value int not null, note text not null)`

/** The table as a catalog declares it; no rule, since nothing but the records is measured. */
export const catalogJson = {
  format: 1,
  owner: 'benchmark',
  version: '1',
  tables: {
    'public.readings': { entity: 'reading', key: ['id'], columns: { id: 'id', sensor: 'sensor', value: 'value' } },
  },
  templates: { reading: { template: 'reading:{id}:value', ttl: '1h' } },
  rules: [{ on: { table: 'public.readings' }, fences: [{ key: 'reading', with: { id: 'id' } }] }],
}

/** Writes a backlog. Returns the text of the LSN behind it. */
export async function writeBacklog(client: pg.Client, transactions: number): Promise<string> {
  await client.query('set synchronous_commit = off')
  await client.query(`
    do $$ begin
      for i in 1..${transactions} loop
        insert into public.readings values (i, i % 1000, i * 7 % 10007, 'measured by sensor ' || i % 1000);
        commit;
      end loop;
    end $$`)
  await client.query('checkpoint')
  const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn')
  return rows[0]?.lsn ?? '0/0'
}
