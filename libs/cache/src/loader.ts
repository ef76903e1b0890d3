import type { TagTarget } from './address.js'

/** What a loader gets beside its parameters. */
export interface LoadContext<Parameters = unknown> {
  /** As the key was made of. */
  readonly parameters: Parameters
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
 * - `none`: something without transactions, such as another service. Its values have lease strength: a fence that comes
 *   while it loads voids the value, but a source that answers an older state than the fence knew is believed.
 */
export type LoaderSource = 'primary' | 'none'
