import type { Scalar } from '@freshet/cache-keys'
import type { DeclaredEvent, EmittedEventDefinition } from '@freshet/catalog'
import { encodeEmittedEvent, namespaceMessagePrefix } from '@freshet/events'

/** A transaction of the `pg` driver, or anything that takes a statement as it does. */
export interface TransactionHandle {
  query(text: string, values: unknown[]): Promise<unknown>
}

/** A statement for drivers that are no TransactionHandle. */
export interface EmitStatement {
  readonly text: string
  readonly values: [prefix: string, content: string]
}

export interface EmitOptions {
  /** The installation's; `default` by default. */
  readonly namespace?: string
}

/** An event was emitted with other parameters than it declares. */
export class EventParametersError extends Error {
  readonly code = 'EVENT_PARAMETERS'

  constructor(
    readonly event: string,
    readonly missing: readonly string[],
    readonly unknown: readonly string[],
  ) {
    const faults = [
      ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
      ...(unknown.length > 0 ? [`does not declare ${unknown.join(', ')}`] : []),
    ]
    super(`Event "${event}" ${faults.join(' and ')}; give exactly the parameters of its declaration`)
    this.name = 'EventParametersError'
  }
}

type ParametersOfEvent<Event> =
  Event extends EmittedEventDefinition<string, infer Name>
    ? Readonly<Record<Name, Scalar>>
    : Readonly<Record<string, Scalar>>

/**
 * Says inside a transaction that something has happened. It is heard once the transaction has committed, and never if it
 * rolls back: the write-ahead log is the outbox.
 *
 * `event` is what `event(...)` of @freshet/catalog returned, or a name for events of catalogs from JSON.
 *
 * Throws EventParametersError when the parameters are not those that the event declares.
 *
 * @example await emitEvent(tx, invoiceVoided, { memberId: 42n })
 */
export async function emitEvent<const Event extends DeclaredEvent | string>(
  transaction: TransactionHandle,
  event: Event,
  parameters: ParametersOfEvent<Event>,
  options: EmitOptions = {},
): Promise<void> {
  const { text, values } = emitStatement(event, parameters, options)
  await transaction.query(text, values)
}

/** The statement that `emitEvent` sends, for other drivers. Throws EventParametersError. */
export function emitStatement<const Event extends DeclaredEvent | string>(
  event: Event,
  parameters: ParametersOfEvent<Event>,
  { namespace = 'default' }: EmitOptions = {},
): EmitStatement {
  const name = typeof event === 'string' ? event : event.name
  if (typeof event !== 'string') refuseOthers(event, parameters)
  return {
    text: 'select pg_logical_emit_message(true, $1::text, $2::text)',
    values: [namespaceMessagePrefix(namespace), encodeEmittedEvent({ event: name, parameters })],
  }
}

function refuseOthers(event: DeclaredEvent, parameters: Readonly<Record<string, Scalar>>): void {
  const declared = Object.keys(event.json.parameters)
  const missing = declared.filter((name) => parameters[name] === undefined)
  const unknown = Object.keys(parameters).filter((name) => !declared.includes(name))
  if (missing.length > 0 || unknown.length > 0) throw new EventParametersError(event.name, missing, unknown)
}
