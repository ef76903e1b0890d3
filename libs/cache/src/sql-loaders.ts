import type { BoundParameters } from '@freshet/cache-keys'
import { sqlLoadOf, type Catalog, type SqlLoad } from '@freshet/catalog'
import type { Pool, QueryConfig } from 'pg'
import type { Cache } from './cache.js'

/**
 * Gives a cache the loaders that its catalog declares as SQL. Each load is one query in a read-only transaction of its own,
 * its parameters bound; the value is what the driver returns, as a loader of `pool.query` would.
 *
 * Returns the templates that have one.
 */
export function registerSqlLoaders(cache: Pick<Cache, 'loader'>, catalog: Catalog, pool: Pool): readonly string[] {
  const named = sqlTemplates(catalog)
  for (const { name, text, load } of named)
    cache.loader({ name, text }, (parameters) => loadBySql(pool, load, parameters))
  return named.map(({ name }) => name)
}

/** The templates whose loader a catalog declares as SQL. */
export const sqlTemplates = ({
  json,
}: Catalog): readonly { readonly name: string; readonly text: string; readonly load: SqlLoad }[] =>
  Object.entries(json.templates).flatMap(([name, { template: text, load }]) =>
    load ? [{ name, text, load: sqlLoadOf(load) }] : [],
  )

async function loadBySql(pool: Pool, load: SqlLoad, parameters: BoundParameters): Promise<unknown> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('begin read only')
    const { rows } = await client.query<Record<string, unknown>>(queryOf(load, parameters))
    await client.query('commit')
    return valueOf(load, rows)
  } catch (error) {
    await client.query('rollback').catch((lost: unknown) => (broken = lost instanceof Error ? lost : new Error('lost')))
    throw error
  } finally {
    client.release(broken)
  }
}

/** `extended`, also without parameters: the server then takes one statement only, so that none can end the transaction first. */
function queryOf(
  { text, parameters: names }: SqlLoad,
  parameters: BoundParameters,
): QueryConfig & { queryMode: 'extended' } {
  const values = names.map((name) => {
    const value = parameters[name]
    return typeof value === 'object' ? JSON.stringify(value) : value === undefined ? null : String(value)
  })
  return { text, values, queryMode: 'extended' }
}

function valueOf({ returns }: SqlLoad, rows: readonly Record<string, unknown>[]): unknown {
  if (returns === 'rows') return rows
  const [row] = rows
  if (row === undefined) return null
  return returns === 'row' ? row : (Object.values(row)[0] ?? null)
}
