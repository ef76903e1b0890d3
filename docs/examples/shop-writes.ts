import type { Cache } from '@freshet/cache'
import { emitEvent } from '@freshet/cache/emit'
import type pg from 'pg'
import { loadSale } from './shop-loaders.ts'
import { customerMerged, keys } from './shop.ts'

// #region aside
/** Cache-aside: this read brings its own loader. */
export async function totalOf(cache: Cache, sql: pg.Pool, id: bigint): Promise<string | undefined> {
  const sale = await cache.get(keys.sale.of({ id }), () => loadSale(sql, id))
  return sale?.total
}
// #endregion

// #region transaction
/** A read inside a transaction of your own: it sees its uncommitted write, and nobody else does. */
export async function pay(cache: Cache, pool: pg.Pool, id: bigint): Promise<string | undefined> {
  const tx = await pool.connect()
  try {
    await tx.query('begin')
    await tx.query(`update shop.sales set status = 'paid' where id = $1`, [id])
    const sale = await cache.get(keys.sale.of({ id }), () => loadSale(tx, id), { inTransaction: true })
    await tx.query('commit')
    return sale?.status
  } catch (error) {
    await tx.query('rollback')
    throw error
  } finally {
    tx.release()
  }
}
// #endregion

// #region token
/** Read your writes: the second read shows the new total, however far each layer is behind. */
export async function correct(cache: Cache, pool: pg.Pool, id: bigint, total: string): Promise<string | undefined> {
  await pool.query('update shop.sales set total = $2 where id = $1', [id, total])
  const token = await cache.token() // of everything that is committed by now
  return (await cache.get(keys.sale.of({ id }), { token }))?.total
}
// #endregion

// #region emit
/** What the rows do not say: two customers are one person. Heard after the commit, and never after a rollback. */
export async function merge(tx: pg.PoolClient, customerId: number): Promise<void> {
  await emitEvent(tx, customerMerged, { customerId })
}
// #endregion
