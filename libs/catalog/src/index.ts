export { catalog, type CatalogOptions } from './builder.js'
export { canonicalJson } from './canonical.js'
export { governingTags, templateOf, type Catalog, type CompiledTemplate } from './compiled.js'
export { derived, type Derivation } from './derivation.js'
export { DurationSyntaxError, formatDuration, parseDuration } from './duration.js'
export {
  event,
  parameterKindOf,
  type DeclaredEvent,
  type EmittedEventDefinition,
  type EventOptions,
  type EventParameterType,
} from './event.js'
export {
  foreignTopics,
  strengthOf,
  type DebeziumSource,
  type EventSource,
  type ForeignTopic,
  type Strength,
} from './foreign-topic.js'
export { placeholdersOf } from './eviction.js'
export { CatalogInvalidError, describeFault, type Fault, type FaultCode, type WarningCode } from './fault.js'
export {
  catalogJson,
  type CatalogJson,
  type DebeziumTopicJson,
  type DerivationJson,
  type EmittedEventJson,
  type EvictionJson,
  type OccasionJson,
  type RuleJson,
  type SqlLoadJson,
  type TableJson,
  type TargetJson,
  type TemplateJson,
} from './json.js'
export {
  key,
  KeyWithoutCatalogError,
  type DeclaredKey,
  type KeyDefinition,
  type KeyOptions,
  type ParameterNames,
  type ParametersOf,
  type TypedKey,
  type UntypedKeyDefinition,
} from './key.js'
export type { Occasion, Row, Rule, RuleOptions } from './rule.js'
export { sqlLoadOf, type SqlLoad } from './sql-load.js'
export {
  table,
  type ColumnValue,
  type DebeziumTopic,
  type DeclaredTable,
  type Selection,
  type Table,
  type TableOptions,
} from './table.js'
export { template, wildcard, type BoundWildcard, type ColumnRef, type FenceTarget, type Target } from './target.js'
export { catalogFromJson, validateCatalog, type Validation } from './validate.js'
