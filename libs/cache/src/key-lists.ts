import type { Query, Scalar } from '@freshet/cache-keys'
import type { Pool } from 'pg'

/** The parameters of one key. */
export type ListedKey = Readonly<Record<string, Scalar | Query>>

/**
 * Lists the keys of one template: the text of a query, whose columns are called as the template's parameters (`query` as
 * jsonb), or a function that yields their parameters. A query is read in pieces by a cursor.
 *
 * @example { balance: 'select id from members where active' }
 * @example { list: async function* () { for (let page = 1; page <= 10; page++) yield { query: { page } } } }
 */
export type KeyList = string | ((sources: { readonly pool: Pool }) => AsyncIterable<ListedKey> | Iterable<ListedKey>)

/** By the template's name. */
export type KeyLists = Readonly<Record<string, KeyList>>

export const isKeyLists = (exported: unknown): exported is KeyLists =>
  typeof exported === 'object' &&
  exported !== null &&
  Object.values(exported).every((list) => typeof list === 'string' || typeof list === 'function')
