import type { DerivationJson } from './json.js'
import type { DeclaredKey, KeyDefinition } from './key.js'

/** A derivation before its keys have names. */
export interface Derivation {
  readonly key: DeclaredKey
  readonly from: DeclaredKey
  readonly with: DerivationJson['with']
}

type Scalars<Parameters> = Exclude<keyof Parameters, 'query'> & string

/**
 * Says that one template's values are computed from another's: whatever makes the other's wrong makes them wrong too, through
 * any number of steps. `with` says which parameter is which of the other's; where none is, all values of the template are
 * fenced.
 *
 * @example derived(keys.statement, { from: keys.transactions, with: { memberId: 'id' } })
 */
export const derived = <Parameters extends object, From extends object>(
  key: KeyDefinition<Parameters, unknown>,
  options: {
    readonly from: KeyDefinition<From, unknown>
    readonly with?: { readonly [Name in Scalars<Parameters>]?: Scalars<From> }
  },
): Derivation => ({ key, from: options.from, with: options.with as DerivationJson['with'] })
