import type { ParameterValue } from './records.js'

/** What a service says inside its transaction by `pg_logical_emit_message`. */
export interface EmittedEvent {
  /** `invoice.voided` */
  readonly event: string
  readonly parameters: Readonly<Record<string, ParameterValue>>
}

/** Prefix of the logical messages that belong to a namespace. */
export const namespaceMessagePrefix = (namespace: string): string => `freshet:${namespace}`

/** The content for `pg_logical_emit_message(true, namespaceMessagePrefix(ns), content)`. */
export declare function encodeEmittedEvent(event: {
  readonly event: string
  readonly parameters: Readonly<Record<string, ParameterValue | bigint>>
}): string

/** Throws UnreadableRecordError when the content is no emitted event. */
export declare function decodeEmittedEvent(content: Buffer | string): EmittedEvent
