import type { TagTarget } from './address.js'
import type { Standby } from './standby.js'

/** What a loader gets beside its parameters. */
export interface LoadContext<Parameters = unknown> {
  /** As the key was made of. */
  readonly parameters: Parameters
  /**
   * Where it has to read this time. A loader from a standby is run again with `primary` where the standby is behind; all
   * others can leave it alone.
   */
  readonly source: 'primary' | 'standby' | 'none'
  /** Aborted when the load has taken too long, or the client closes. */
  readonly signal: AbortSignal
  /**
   * Makes the value fenced with something that its template does not say: another key, or a wildcard. Await it BEFORE
   * the read that it covers (R2); a change that falls between the two would be missed otherwise.
   *
   * Throws LoaderEndedError when called after the loader has returned, and WildcardUndeclaredError.
   *
   * @example await tag(wildcard('member:{id}:*', { id: row.memberId }))
   */
  readonly tag: (...targets: readonly TagTarget[]) => Promise<void>
}

/** Loads the value of one key: autocommit reads, or a transaction that it opens itself. */
export type Load<Value, Parameters = unknown> = (context: LoadContext<Parameters>) => Promise<Value> | Value

/** Loads the value of any key of a template. */
export type TemplateLoad<Value, Parameters> = (
  parameters: Parameters,
  context: LoadContext<Parameters>,
) => Promise<Value> | Value

/**
 * Where a loader reads.
 *
 * - `primary`: the Postgres whose changes are followed, by any driver. Not a balanced reader endpoint.
 * - `standby(pool)`: a streaming standby of it; the primary is asked where it is behind.
 * - `none`: something without transactions, such as another service. Its values have lease strength: a fence that comes
 *   while it loads voids the value, but a source that answers an older state than the fence knew is believed.
 */
export type LoaderSource = 'primary' | 'none' | Standby
