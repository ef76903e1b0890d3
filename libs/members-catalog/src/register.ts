import { standby, type Cache, type LoadContext, type Standby } from '@freshet/cache'
import type { Pool } from 'pg'
import { keys } from './catalog.js'
import { loaders, type Loaders } from './loaders.js'
import type { Sql } from './sql.js'

/** What the loaders read. */
export interface LoaderDatabases {
  readonly pool: Sql
  /** A streaming standby of it, which is read where it has replayed enough. */
  readonly replica?: Pool | undefined
}

type Registering = Pick<Cache, 'loader' | 'get'>

/** Gives a cache the loader of every template: members-api and the warmer load the same way. */
export function registerLoaders(cache: Registering, { pool, replica }: LoaderDatabases): void {
  const over = (sql: Sql): Loaders => loaders(sql, (query) => cache.get(keys.statement.of({ query }))) // a report inherits
  const onPrimary = over(pool)
  if (replica === undefined) return register(cache, () => onPrimary)
  const onStandby = over(replica)
  register(cache, ({ source }) => (source === 'standby' ? onStandby : onPrimary), { source: standby(replica) })
}

function register(
  cache: Registering,
  by: (context: LoadContext) => Loaders,
  options?: { readonly source: Standby },
): void {
  cache.loader(keys.profile, (parameters, context) => by(context).profile(parameters), options)
  cache.loader(keys.balance, (parameters, context) => by(context).balance(parameters), options)
  cache.loader(keys.transactions, (parameters, context) => by(context).transactions(parameters), options)
  cache.loader(keys.list, (parameters, context) => by(context).list(parameters), options)
  cache.loader(keys.ofOrg, (parameters, context) => by(context).ofOrg(parameters), options)
  cache.loader(keys.revenue, (parameters, context) => by(context).revenue(parameters), options)
  cache.loader(keys.summary, (parameters, context) => by(context).summary(parameters), options)
  cache.loader(keys.statement, (parameters, context) => by(context).statement(parameters), options)
  cache.loader(keys.report, (parameters, context) => by(context).report(parameters)) // reads no database itself
}
