import type { EventParameterType } from './event.js'
import type { DebeziumTopicJson, RuleJson, TableJson } from './json.js'
import { declareRule, type Occasion } from './rule.js'

/** What an event's column may become, or a condition compare with. */
export type ColumnValue = string | number | boolean | null

type Operation = 'insert' | 'update' | 'delete'

/** A table as a service declares it. */
export interface DeclaredTable {
  readonly name: string
  readonly json: TableJson
}

/** Changes of a table that count for a rule. */
export interface Selection<Source extends string, Alias extends string> extends Occasion<Source, Alias> {
  /** Only updates that changed at least one of these; inserts and deletes change all, and unknown counts as changed. */
  changed(...columns: readonly [Alias, ...Alias[]]): Selection<Source, Alias>
  /** Only where the old or the new row has these values; unknown counts as equal. */
  where(values: { readonly [Name in Alias]?: ColumnValue }): Selection<Source, Alias>
}

/** A declared table: where its rules begin. */
export interface Table<Source extends string, Alias extends string, EventName extends string>
  extends DeclaredTable, Selection<Source, Alias> {
  readonly any: Selection<Source, Alias>
  readonly inserted: Selection<Source, Alias>
  readonly updated: Selection<Source, Alias>
  readonly deleted: Selection<Source, Alias>
  /**
   * Only changes that are this event of the table. Safe only where the event covers every way in which the value can
   * change; rules on changes always are.
   */
  event(name: EventName): Occasion<Source, Alias>
}

/**
 * A topic in Debezium's envelope, instead of Freshet's own reader. Of the database that values are loaded from, it names
 * the connector's replication slot, and its changes have full strength; of another database, the types of the columns
 * that rules use, and they have lease strength.
 */
export type DebeziumTopic<Alias extends string> =
  | { readonly debezium: string; readonly slot: string }
  | {
      readonly debezium: string
      readonly types: { readonly [Name in Alias]?: EventParameterType }
      /** The table has REPLICA IDENTITY FULL, so that old rows are whole; else only their key is believed. */
      readonly replicaIdentity?: 'full'
    }

/** How a table is declared. */
export interface TableOptions<
  Entity extends string,
  Columns extends Readonly<Record<string, string>>,
  EventName extends string,
> {
  /** The word in topic and record names: `member`. */
  readonly entity: Entity
  /** Aliases of the primary key in order; `[]` for a table without a key. */
  readonly key: readonly (NoInfer<keyof Columns> & string)[]
  /** Alias -> column name; only these are read and published. */
  readonly columns: Columns
  /** Domain events: a column that becomes a value. */
  readonly events?: Readonly<
    Record<EventName, { readonly column: NoInfer<keyof Columns> & string; readonly becomes: ColumnValue }>
  >
  /** The table cannot publish updates and deletes, and needs none. */
  readonly appendOnly?: boolean
  /** Where its changes come from, if not from Freshet's own reader. */
  readonly from?: DebeziumTopic<NoInfer<keyof Columns> & string>
}

/**
 * Declares a table, by its schema-qualified name.
 *
 * @example table('public.members', { entity: 'member', key: ['id'], columns: { id: 'id', organizationId: 'organization_id' } })
 */
export function table<
  const Name extends `${string}.${string}`,
  const Entity extends string,
  const Columns extends Readonly<Record<string, string>>,
  const EventName extends `${NoInfer<Entity>}.${string}` = never,
>(name: Name, options: TableOptions<Entity, Columns, EventName>): Table<Name, keyof Columns & string, EventName> {
  const { entity, key, columns, events, appendOnly, from } = options
  const declared: DeclaredTable = {
    name,
    json: {
      entity,
      key: [...key],
      columns: { ...columns },
      ...(events && { events: { ...events } }),
      ...(appendOnly !== undefined && { appendOnly }),
      ...(from !== undefined && { from: fromJson(from) }),
    },
  }
  type Alias = keyof Columns & string
  const aliases = Object.keys(columns) as Alias[]
  const selection = (on: TableOn): Selection<Name, Alias> => ({
    changed: (...changed) => selection({ ...on, changed: [...changed] }),
    where: (values) => selection({ ...on, where: { ...on.where, ...(values as Record<string, ColumnValue>) } }),
    fences: (targets, ruleOptions) => declareRule({ table: declared }, on, aliases, targets, ruleOptions),
  })
  const only = (operation: Operation) => selection({ table: name, operations: [operation] })
  const any = selection({ table: name })
  return {
    ...declared,
    ...any,
    any,
    inserted: only('insert'),
    updated: only('update'),
    deleted: only('delete'),
    event: (event) => ({
      fences: (targets, ruleOptions) => declareRule({ table: declared }, { event }, aliases, targets, ruleOptions),
    }),
  }
}

/** As JSON has it: what is undefined is not there. */
const fromJson = (from: DebeziumTopic<string>): DebeziumTopicJson =>
  JSON.parse(JSON.stringify(from)) as DebeziumTopicJson

type TableOn = Extract<RuleJson['on'], { table: string }>
