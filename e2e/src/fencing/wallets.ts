import { catalog, event, key, table, wildcard } from '@freshet/catalog'
import type pg from 'pg'

/** A domain of the tests' own. Invoices are no table of its catalog: what becomes of them is only told by an event. */
export const walletsSql = `
create table wallets (id bigint primary key, owner text not null, cents int not null);
create unique index wallets_identity on wallets (id, owner);
alter table wallets replica identity using index wallets_identity;
create table invoices (id bigint primary key, wallet_id bigint not null, voided boolean not null default false);
`

export const keys = {
  cents: key('wallet:{id}:cents', { ttl: '1h' }).returns<number | null>(),
  ofOwner: key('owner:{owner}:wallets:{query}', { ttl: '1h' }).returns<readonly string[]>(),
  openInvoices: key('wallet:{id}:open-invoices', { ttl: '1h' }).returns<number>(),
}

export const invoiceVoided = event('invoice.voided', { walletId: 'int8' })

const wallets = table('public.wallets', { entity: 'wallet', key: ['id'], columns: { id: 'id', owner: 'owner' } })

export const walletsCatalog = catalog('wallets', {
  version: '1',
  keys,
  rules: [
    wallets.any.fences(
      (wallet) => [keys.cents.of({ id: wallet.id }), wildcard('owner:{owner}:wallets:*', { owner: wallet.owner })],
      { evict: 'legacy:wallet:{id}' },
    ),
    invoiceVoided.fences((voided) => [keys.openInvoices.of({ id: voided.walletId })]),
  ],
})

/** What the database holds. */
export const truthIn = (pool: pg.Pool) => ({
  cents: async (id: number): Promise<number | null> => {
    const { rows } = await pool.query<{ cents: number }>('select cents from wallets where id = $1', [id])
    return rows[0]?.cents ?? null
  },
  ofOwner: async (owner: string): Promise<readonly string[]> => {
    const text = 'select id::text as id from wallets where owner = $1 order by wallets.id'
    const { rows } = await pool.query<{ id: string }>(text, [owner])
    return rows.map(({ id }) => id)
  },
  openInvoices: async (id: number): Promise<number> => {
    const text = 'select count(*)::int as count from invoices where wallet_id = $1 and not voided'
    const { rows } = await pool.query<{ count: number }>(text, [id])
    return rows[0]?.count ?? 0
  },
})
