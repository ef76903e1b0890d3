import { standby, type Cache } from '@freshet/cache'
import { wildcard } from '@freshet/catalog'
import type pg from 'pg'
import { keys, type Sale } from './shop.ts'

type Sql = pg.Pool | pg.PoolClient

// #region query
const columns = 'id::text, customer_id as "customerId", status, total::text'

export async function loadSale(sql: Sql, id: unknown): Promise<Sale | null> {
  const { rows } = await sql.query<Sale>(`select ${columns} from shop.sales where id = $1`, [id])
  return rows[0] ?? null
}
// #endregion

async function salesOf(sql: Sql, customerId: unknown): Promise<readonly Sale[]> {
  const { rows } = await sql.query<Sale>(`select ${columns} from shop.sales where customer_id = $1 order by id`, [
    customerId,
  ])
  return rows
}

async function count(sql: Sql, from: string, values: readonly unknown[]): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*)::int from ${from}`, [...values])
  return rows[0]?.count ?? 0
}

/** Gives a cache the loader of each template, as a service does at its start. */
export function registerLoaders(cache: Cache, sql: pg.Pool): void {
  // #region plain
  cache.loader(keys.sale, ({ id }) => loadSale(sql, id))
  cache.loader(keys.sales, ({ customerId }) => salesOf(sql, customerId))
  // #endregion

  cache.loader(keys.visits, ({ customerId }) => count(sql, 'shop.visits where customer_id = $1', [customerId]))
  cache.loader(keys.unpaid, () => count(sql, `shop.sales where status = 'new'`, []))

  // #region inherited
  cache.loader(keys.spent, async ({ customerId }) => {
    const sales = await cache.get(keys.sales.of({ customerId, query: {} }))
    return sales.reduce((sum, { total }) => sum + Number(total), 0)
  })
  // #endregion

  // #region tag
  cache.loader(keys.receipt, async ({ id }, { tag }) => {
    const sale = await loadSale(sql, id)
    if (sale === null) return 'no such sale'
    await tag(wildcard('customer:{customerId}:*', { customerId: sale.customerId })) // before the read that it covers
    const { rows } = await sql.query<{ name: string }>('select name from shop.customers where id = $1', [
      sale.customerId,
    ])
    return `${rows[0]?.name ?? 'nobody'} owes ${sale.total}`
  })
  // #endregion
}

// #region standby
/** Loads from a standby where it has replayed enough, else from the primary; the loader is told which to read. */
export function registerSaleOnStandby(cache: Cache, primary: pg.Pool, replica: pg.Pool): void {
  cache.loader(keys.sale, ({ id }, { source }) => loadSale(source === 'standby' ? replica : primary, id), {
    source: standby(replica),
  })
}
// #endregion

// #region none
/** The rate comes from another service, which has no transactions that Freshet could follow. */
export function registerRate(cache: Cache, fetchRate: (currency: string) => Promise<number>): void {
  cache.loader(keys.rate, ({ currency }) => fetchRate(String(currency)), { source: 'none' })
}
// #endregion
