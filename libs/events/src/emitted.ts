import { z } from 'zod'
import { checked, parseJson } from './decode.js'
import type { ParameterValue } from './records.js'
import { parameterValues } from './wire.js'

/** What a service says inside its transaction by `pg_logical_emit_message`. */
export interface EmittedEvent {
  /** `invoice.voided` */
  readonly event: string
  readonly parameters: Readonly<Record<string, ParameterValue>>
}

/** Prefix of the logical messages that belong to a namespace. */
export const namespaceMessagePrefix = (namespace: string): string => `freshet:${namespace}`

/** The content for `pg_logical_emit_message(true, namespaceMessagePrefix(ns), content)`. A bigint travels as its decimal text. */
export function encodeEmittedEvent(event: {
  readonly event: string
  readonly parameters: Readonly<Record<string, ParameterValue | bigint>>
}): string {
  const { event: name, parameters } = event
  return JSON.stringify({ event: name, parameters }, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

const emitted = z.object({ event: z.string().min(1), parameters: parameterValues })

/** Throws UnreadableRecordError when the content is no emitted event. */
export const decodeEmittedEvent = (content: Buffer | string): EmittedEvent =>
  checked(emitted, parseJson(Buffer.from(content)), 'wrong-shape', undefined)
