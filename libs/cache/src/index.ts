export { encode } from './codec.js'
export type { TagTarget } from './address.js'
export type { Budget } from './budget.js'
export { Cache, type CacheHealth, type LoadingReadOptions, type ReadOptions } from './cache.js'
export { createCache, type AccessStatsOptions, type CacheOptions, type MemoryOptions } from './create-cache.js'
export {
  BadTokenError,
  BudgetUnknownTemplateError,
  CacheClosedError,
  CatalogNotInForceError,
  CatalogRefusedError,
  CommitNotVisibleError,
  KafkaNotConfiguredError,
  KeyNotExactError,
  LoaderCycleError,
  LoaderEndedError,
  LoaderMissingError,
  LoadLimitError,
  LoadTimeoutError,
  NotStorableError,
  RegistrationTimeoutError,
  StandbySilentError,
  UnencodableValueError,
  WildcardUndeclaredError,
  type RefusalFault,
} from './errors.js'
export { invalidateTags, type ByHand, type InvalidationTarget } from './invalidate.js'
export type { Load, LoadContext, LoaderSource, TemplateLoad } from './loader.js'
export type { LoadLimit } from './limiter.js'
export {
  OccurrenceCounter,
  type BlindCause,
  type DropCause,
  type Layer,
  type Occurrence,
  type OccurrenceListener,
  type PassedOverReason,
  type ReadMiss,
  type StoreRefusal,
  type TemplateCounts,
} from './occurrence.js'
export type { Reading } from './reading.js'
export { refreshBy, type Refresh, type Refreshed, type RefreshRequest } from './refresh.js'
export {
  refreshHandler,
  RefreshSecretError,
  type RefreshAnswer,
  type RefreshCall,
  type RefreshHandlerOptions,
} from './refresh-handler.js'
export type { RegisterOptions } from './register.js'
export { standby, type Standby, type StandbyView } from './standby.js'
export { ageHeader, cacheStatusHeader } from './response-headers.js'
