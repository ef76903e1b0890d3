/** One thing that is wrong, or doubtful, in a catalog. */
export interface Fault {
  /** Stable, for programs. */
  readonly code: FaultCode
  /** Where in the JSON: `rules[2].fences[0].with.id`. */
  readonly path: string
  readonly message: string
  /** What to write instead, where that can be said. */
  readonly fix?: string
}

export type FaultCode =
  | 'malformed'
  | 'unknown-property'
  | 'duration-malformed'
  | 'declared-twice'
  | 'name-malformed'
  | 'table-not-qualified'
  | 'table-undeclared'
  | 'column-undeclared'
  | 'event-entity-mismatch'
  | 'event-undeclared'
  | 'event-of-foreign-table'
  | 'topic-strength'
  | 'column-type-missing'
  | 'template-syntax'
  | 'template-duplicate'
  | 'template-undeclared'
  | 'wildcard-syntax'
  | 'wildcard-without-routing-prefix'
  | 'wildcard-governs-nothing'
  | 'parameter-missing'
  | 'parameter-unknown'
  | 'query-in-key-target'
  | 'rule-without-effect'
  | 'query-in-derivation'
  | 'derivation-cycle'
  | WarningCode

/** Doubts, which do not make a catalog unusable. */
export type WarningCode = 'event-without-rule' | 'template-unfenced' | 'warm-with-query' | 'append-only-rule'

/** A catalog that cannot be used; carries every fault, not only the first. */
export class CatalogInvalidError extends Error {
  readonly code = 'CATALOG_INVALID'

  constructor(readonly faults: readonly Fault[]) {
    super(`The catalog has ${faults.length} fault(s):\n${faults.map(describeFault).join('\n')}`)
    this.name = 'CatalogInvalidError'
  }
}

/** One line for people: path, message, and the fix if there is one. */
export const describeFault = (fault: Fault): string =>
  `  ${fault.path === '' ? '(catalog)' : fault.path}: ${fault.message}${fault.fix === undefined ? '' : `; ${fault.fix}`} [${fault.code}]`
