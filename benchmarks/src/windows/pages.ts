import type { Cache } from '@freshet/cache'
import { catalog as declare, key, table, wildcard } from '@freshet/catalog'
import type { Pool } from 'pg'

export const windowMs = 10_000
export const organizations = { stormy: 1, calm: 2 } as const
const rowsOfEach = 2_000

export const pagesSql = `
create table rows_of_orgs (id bigint primary key, org bigint not null, changes int not null default 0);
create unique index rows_of_orgs_identity on rows_of_orgs (id, org);
alter table rows_of_orgs replica identity using index rows_of_orgs_identity;
insert into rows_of_orgs (id, org) select n, ${organizations.stormy} from generate_series(1, ${rowsOfEach}) n;
insert into rows_of_orgs (id, org) select ${rowsOfEach} + n, ${organizations.calm} from generate_series(1, ${rowsOfEach}) n;
analyze rows_of_orgs;
`

export type Page = readonly { readonly id: string; readonly changes: number }[]

export const keys = {
  page: key('org:{org}:rows:{query}', { ttl: '10m', staleWhileRevalidate: '10s' }).returns<Page>(),
}
const rows = table('public.rows_of_orgs', { entity: 'row_of_org', key: ['id'], columns: { id: 'id', org: 'org' } })

/** With `registerLoaders` what the warmer is given by `FRESHET_LOADERS`. */
export const catalog = declare('windows-bench', {
  version: '1',
  keys,
  rules: [rows.any.fences((row) => [wildcard('org:{org}:rows:*', { org: row.org })])],
})

export const pageOf = (number: number) => keys.page.of({ org: organizations.stormy, query: { page: number } })

export type LoadedBy = 'readers' | 'warmer'

/** A load of a page, and when it began, in milliseconds since 1970. */
export interface LoadedPage {
  readonly page: number
  readonly by: LoadedBy
  readonly at: number
}

/** Every load of this process, whoever asked for it. */
export const loads: LoadedPage[] = []

export async function loadPage(pool: Pool, page: number, by: LoadedBy): Promise<Page> {
  loads.push({ page, by, at: Date.now() })
  const text = 'select id::text as id, changes from rows_of_orgs where org = $1 order by id limit 10 offset $2'
  const { rows: found } = await pool.query<Page[number]>(text, [organizations.stormy, page * 10])
  return found
}

/** `by` is told by the readers; the warmer knows of none. */
export function registerLoaders(cache: Cache, { pool, by = 'warmer' }: { readonly pool: Pool; by?: LoadedBy }): void {
  cache.loader(keys.page, ({ query }) => loadPage(pool, Number(query['page']), by))
}

/** A row of the organisation, by a number from 0 on. */
export const rowOf = (organization: number, number: number): number =>
  (organization - 1) * rowsOfEach + 1 + (number % rowsOfEach)
