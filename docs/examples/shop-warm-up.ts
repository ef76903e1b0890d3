import { refreshHandler, type Cache } from '@freshet/cache'
import type { KeyLists } from '@freshet/cache/loaders'
import { RefreshModule } from '@freshet/cache/nest'

// #region lists
export const keyLists: KeyLists = {
  // a query whose columns are called as the parameters; {query} is jsonb
  sales: `select id as "customerId", '{}'::jsonb as query from shop.customers`,
  // or a function: what it yields is taken as slowly as the warmers load
  rate: async function* ({ pool }) {
    const { rows } = await pool.query<{ code: string }>('select code from shop.currencies')
    for (const { code } of rows) yield { currency: code }
  },
}
// #endregion

// #region handler
/** For whatever serves HTTP: `POST /freshet/refresh`. */
export function refreshRoute(cache: Cache, secret: string) {
  const refresh = refreshHandler(cache, { secret })
  return async (headers: { readonly authorization?: string }, body: unknown) =>
    refresh({ authorization: headers.authorization, body }) // answer with its status, and its body as JSON
}
// #endregion

// #region nest
/** Beside `CacheModule`, in Nest: serves the same. */
export const refreshes = (secret: string) => RefreshModule.forRootAsync({ useFactory: () => ({ secret }) })
// #endregion
