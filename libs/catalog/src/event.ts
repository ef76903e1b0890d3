import type { ParameterKind } from '@freshet/cache-keys'
import type { EmittedEventJson } from './json.js'
import { declareRule, type Occasion } from './rule.js'

/** The types that an emitted event's parameters may have. */
export type EventParameterType = EmittedEventJson['parameters'][string]

const kinds: Readonly<Record<EventParameterType, ParameterKind>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  uuid: 'uuid',
  text: 'text',
  bool: 'boolean',
  date: 'date',
}

/** What a key's parameter is that is bound to one of this type. */
export const parameterKindOf = (type: EventParameterType): ParameterKind => kinds[type]

/** An event that services emit inside their transactions. */
export interface DeclaredEvent {
  readonly name: string
  readonly json: EmittedEventJson
}

/** A declared event: where its rule begins. */
export interface EmittedEventDefinition<Name extends string, Parameter extends string>
  extends DeclaredEvent, Occasion<Name, Parameter> {}

export interface EventOptions {
  /**
   * A topic that services send it to, without a transaction: such an event fences with lease strength only. `emitEvent`
   * goes on being possible.
   */
  readonly topic?: string
}

/**
 * Declares an event that services emit (`emitEvent`), or send straight to a topic; the name's part before the first dot
 * is its entity.
 *
 * @example event('invoice.voided', { memberId: 'int8' }).fences((e) => [keys.balance.of({ id: e.memberId })])
 */
export function event<
  const Name extends `${string}.${string}`,
  const Parameters extends Readonly<Record<string, EventParameterType>>,
>(
  name: Name,
  parameters: Parameters,
  { topic }: EventOptions = {},
): EmittedEventDefinition<Name, keyof Parameters & string> {
  const declared: DeclaredEvent = {
    name,
    json: { parameters: { ...parameters }, ...(topic !== undefined && { topic }) },
  }
  const aliases = Object.keys(parameters) as (keyof Parameters & string)[]
  return {
    ...declared,
    fences: (targets, options) => declareRule({ event: declared }, { event: name }, aliases, targets, options),
  }
}
