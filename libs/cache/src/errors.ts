import { describeFault, type FaultCode } from '@freshet/catalog'
import type { StoreRefusal } from './occurrence.js'

/** One reason for which the listener refused a catalog. */
export interface RefusalFault {
  readonly code: FaultCode | (string & {})
  readonly path: string
  readonly message: string
  readonly fix?: string
}

/** A loader returned what JSON would turn into something else, so that the first reader would see another value than the next. */
export class UnencodableValueError extends Error {
  readonly code = 'UNENCODABLE_VALUE'

  constructor(
    /** `.members[3].since` */
    readonly path: string,
    /** `a Date`, `undefined`, ... */
    readonly found: string,
    /** The template's name, where it is known. */
    readonly template?: string,
  ) {
    super(
      `${template === undefined ? 'The value' : `The value of "${template}"`} has ${found} at ${path}, which JSON does not keep; return text, a finite number, a boolean, null, plain objects and arrays`,
    )
    this.name = 'UnencodableValueError'
  }
}

/** `onlyIfStorable`, and what had been loaded could not have been stored. Nothing was loaded. */
export class NotStorableError extends Error {
  readonly code = 'NOT_STORABLE'

  constructor(
    readonly template: string,
    /** The rule that forbids it, as in `refused` of a reading. */
    readonly reason: StoreRefusal,
  ) {
    super(`"${template}" was not loaded, since it could not have been stored: ${reason}; try again a moment later`)
    this.name = 'NotStorableError'
  }
}

/** The loads in progress and those that wait fill what was configured. */
export class LoadLimitError extends Error {
  readonly code = 'LOAD_LIMIT'

  constructor(
    readonly template: string,
    readonly concurrency: number,
    readonly queue: number,
  ) {
    super(
      `No room to load "${template}": ${concurrency} loads run and ${queue} wait. The source is slower than what is asked of it; answer "try later", or raise loadLimit if it can take more`,
    )
    this.name = 'LoadLimitError'
  }
}

/** A loader did not return in time. Its signal was aborted; what it still returns is dropped. */
export class LoadTimeoutError extends Error {
  readonly code = 'LOAD_TIMEOUT'

  constructor(
    readonly template: string,
    readonly timeoutMs: number,
  ) {
    super(
      `The loader of "${template}" took longer than ${timeoutMs} ms; make it heed its signal, or raise loadLimit.timeoutMs`,
    )
    this.name = 'LoadTimeoutError'
  }
}

/** `get` was called without a loader, and none was registered for the template. */
export class LoaderMissingError extends Error {
  readonly code = 'LOADER_MISSING'

  constructor(readonly template: string) {
    super(`"${template}" has no loader; register one by cache.loader(keys.${template}, ...), or give one to get`)
    this.name = 'LoaderMissingError'
  }
}

/** Loaders wait for each other, so that none can end. */
export class LoaderCycleError extends Error {
  readonly code = 'LOADER_CYCLE'

  constructor(
    /** Key texts, from the load that asked to the load that waits for it. */
    readonly keys: readonly string[],
  ) {
    super(`Loaders wait for each other: ${keys.join(' -> ')}; let one of them read the source itself`)
    this.name = 'LoaderCycleError'
  }
}

/** `tag()` was called after its loader had returned: the value is already judged without it. */
export class LoaderEndedError extends Error {
  readonly code = 'LOADER_ENDED'

  constructor(readonly key: string) {
    super(`tag() was called after the loader of "${key}" had returned; await it before the read that it covers`)
    this.name = 'LoaderEndedError'
  }
}

/** One key was to be invalidated, but its template's values are governed by no keys of their own. */
export class KeyNotExactError extends Error {
  readonly code = 'KEY_NOT_EXACT'

  constructor(readonly template: string) {
    super(
      `Values of "${template}" are not fenced key by key; give its key the option exact: true, or invalidate a wildcard or the template`,
    )
    this.name = 'KeyNotExactError'
  }
}

/** `tag()` was given a wildcard that no template of the catalog is governed by: nothing would ever fence it. */
export class WildcardUndeclaredError extends Error {
  readonly code = 'WILDCARD_UNDECLARED'

  constructor(
    readonly wildcard: string,
    readonly owner: string,
  ) {
    super(
      `"${wildcard}" governs no template in the catalog of "${owner}"; fence it by a rule, or list it in a template's wildcards`,
    )
    this.name = 'WildcardUndeclaredError'
  }
}

/** The catalog did not come into force in time: until it does, nothing is cached. */
export class CatalogNotInForceError extends Error {
  readonly code = 'CATALOG_NOT_IN_FORCE'

  constructor(
    readonly owner: string,
    readonly version: string,
    /** Of the catalog that this client has. */
    readonly fingerprint: string,
    /** What was seen last: nothing, another content under the same version, or an error of Redis. */
    readonly seen: { readonly fingerprint?: string; readonly error?: unknown },
    readonly waitedMs: number,
  ) {
    super(`${owner}@${version} is not in force after ${waitedMs} ms: ${whyNotInForce(seen)}`, { cause: seen.error })
    this.name = 'CatalogNotInForceError'
  }
}

function whyNotInForce(seen: CatalogNotInForceError['seen']): string {
  if (seen.error !== undefined) return 'Redis could not be asked; see the cause'
  if (seen.fingerprint !== undefined)
    return 'another content is in force under the same version; raise the version, or register this one'
  return 'Redis holds no record of it; register it, and see that cdc-listener and invalidation-service run in the same namespace'
}

/** The listener refused the catalog; carries every fault. */
export class CatalogRefusedError extends Error {
  readonly code = 'CATALOG_REFUSED'

  constructor(
    readonly owner: string,
    readonly version: string,
    readonly faults: readonly RefusalFault[],
  ) {
    super(`${owner}@${version} was refused, ${faults.length} fault(s):\n${faults.map(faultLine).join('\n')}`)
    this.name = 'CatalogRefusedError'
  }
}

const faultLine = (fault: RefusalFault): string => describeFault({ ...fault, code: fault.code as FaultCode })

/** Nobody answered the registration in time. */
export class RegistrationTimeoutError extends Error {
  readonly code = 'REGISTRATION_TIMEOUT'

  constructor(
    readonly owner: string,
    readonly version: string,
    readonly waitedMs: number,
  ) {
    super(
      `${owner}@${version} was published, but not answered within ${waitedMs} ms; see that cdc-listener runs with the same topic prefix`,
    )
    this.name = 'RegistrationTimeoutError'
  }
}

/** A budget was given for a template that the catalog does not have. */
export class BudgetUnknownTemplateError extends Error {
  readonly code = 'BUDGET_UNKNOWN_TEMPLATE'

  constructor(
    readonly templates: readonly string[],
    readonly owner: string,
  ) {
    super(
      `budgets names ${templates.map((name) => `"${name}"`).join(', ')}, which the catalog of "${owner}" does not declare`,
    )
    this.name = 'BudgetUnknownTemplateError'
  }
}

/** A method needs Kafka, and the client was opened without it. */
export class KafkaNotConfiguredError extends Error {
  readonly code = 'KAFKA_NOT_CONFIGURED'

  constructor(readonly wanted: string) {
    super(`${wanted} needs Kafka; give createCache({ kafka: { brokers } }), or do it by the CLI`)
    this.name = 'KafkaNotConfiguredError'
  }
}

/** A text that was given as a commit's token is none. */
export class BadTokenError extends Error {
  readonly code = 'BAD_TOKEN'

  constructor(readonly text: string) {
    super(`"${text.slice(0, 60)}" is no token of a commit; give what cache.token() returned, unchanged`)
    this.name = 'BadTokenError'
  }
}

/** A read carries the token of a commit that its source does not show. */
export class CommitNotVisibleError extends Error {
  readonly code = 'COMMIT_NOT_VISIBLE'

  constructor(
    readonly template: string,
    readonly reason: 'not-committed' | 'other-history',
    readonly waitedMs: number,
  ) {
    super(`The commit whose token a read of "${template}" carries is not in the database: ${notVisible[reason]}`)
    this.name = 'CommitNotVisibleError'
  }
}

const notVisible = {
  'not-committed':
    'it has not become visible within tokenWaitMs; read after the commit, or raise tokenWaitMs where commits wait for standbys',
  'other-history': 'the token is of another database, or the pool points at a primary that was replaced',
}

/** A standby did not say in time how far it has replayed. */
export class StandbySilentError extends Error {
  readonly code = 'STANDBY_SILENT'

  constructor(readonly patienceMs: number) {
    super(
      `The standby has not said within ${patienceMs} ms how far it has replayed; it is passed over until it answers`,
    )
    this.name = 'StandbySilentError'
  }
}

/** The client was closed. */
export class CacheClosedError extends Error {
  readonly code = 'CACHE_CLOSED'

  constructor() {
    super('This cache is closed; open a new one by createCache')
    this.name = 'CacheClosedError'
  }
}
