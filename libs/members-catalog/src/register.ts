import type { Cache } from '@freshet/cache'
import { keys } from './catalog.js'
import { loaders } from './loaders.js'
import type { Sql } from './sql.js'

/** Gives a cache the loader of every template: members-api and the warmer load the same way. */
export function registerLoaders(cache: Pick<Cache, 'loader' | 'get'>, { pool }: { pool: Sql }): void {
  const load = loaders(pool, (query) => cache.get(keys.statement.of({ query }))) // whose tags a report inherits
  cache.loader(keys.profile, load.profile)
  cache.loader(keys.balance, load.balance)
  cache.loader(keys.transactions, load.transactions)
  cache.loader(keys.list, load.list)
  cache.loader(keys.ofOrg, load.ofOrg)
  cache.loader(keys.revenue, load.revenue)
  cache.loader(keys.summary, load.summary)
  cache.loader(keys.statement, load.statement)
  cache.loader(keys.report, load.report)
}
