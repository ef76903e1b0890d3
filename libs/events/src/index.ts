export { decode, decodeOrSkip, transactionOfHeaders } from './decode.js'
export { decodeEmittedEvent, encodeEmittedEvent, namespaceMessagePrefix, type EmittedEvent } from './emitted.js'
export {
  catalogKey,
  databaseSource,
  encodeAccessStats,
  encodeApplied,
  encodeCatalog,
  encodeCatalogRetired,
  encodeCatalogStatus,
  encodeChange,
  encodeDeadLetter,
  encodeDomainEvent,
  encodeGap,
  encodeInvalidation,
  encodeWarmRequest,
  encodeWatermark,
  type EncodedRecord,
} from './encode.js'
export { readDebezium, type DebeziumRecord, type ForeignColumns, type ForeignTransaction } from './foreign/debezium.js'
export type { ForeignColumnType } from './foreign/debezium-value.js'
export { readSentEvent, type SentEvent } from './foreign/sent-event.js'
export type {
  AccessCount,
  AccessOutcomes,
  AccessStatsRecord,
  AppliedRecord,
  CatalogAccepted,
  CatalogDocument,
  CatalogFault,
  CatalogRecord,
  CatalogRefused,
  CatalogRetiredRecord,
  CatalogStatusRecord,
  ChangeRecord,
  DeadLetterRecord,
  Decoded,
  DomainEventRecord,
  Draft,
  FreshetRecord,
  GapCause,
  GapRecord,
  GapScope,
  InvalidationRecord,
  Named,
  ParameterKindsByTemplate,
  KeyParameter,
  ParameterValue,
  UnknownRecord,
  WarmRequestRecord,
  WatermarkRecord,
} from './records.js'
export { topics, topicSpecs, type Topics, type TopicSpec } from './topics.js'
export { typeOf } from './type-of.js'
export { UnreadableRecordError, type UnreadableFault } from './unreadable.js'
export type { ColumnValue, CommitPlace, CommitStamp, Operation, Row } from './values.js'
