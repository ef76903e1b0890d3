import type { ColumnValue } from '@freshet/events'

/**
 * What the stream looks for: the union over all admitted catalogs, as the database was when it was computed.
 * Immutable; admission hands a new one to the stream before the publication begins to send what it adds.
 */
export interface WatchedTables {
  /** By schema-qualified name, `public.members`; a partitioned table by its root, under whose name its leaves' rows come. */
  readonly tables: ReadonlyMap<string, WatchedTable>
  /** Events that services emit by `pg_logical_emit_message`, by name. */
  readonly emitted: ReadonlyMap<string, WatchedEmittedEvent>
  /** Tables whose rows others publish. */
  readonly foreign: readonly ForeignTable[]
  /** Of tables and emitted events, each once, sorted: `<entity>.changes.v1` and `<entity>.events.v1` exist for each. */
  readonly entities: readonly string[]
}

/** One table. Columns are named as in the database. */
export interface WatchedTable {
  /** `public.members` */
  readonly table: string
  readonly entity: string
  /** In the declared order, which is the order of a record's key; empty for a key-less table. */
  readonly keyColumns: readonly string[]
  /** What records carry, the key's columns included; sorted. Everything else that Postgres sends is dropped. */
  readonly watchedColumns: readonly string[]
  /**
   * Those of the watched columns whose old value the replica identity gives on every update and delete; sorted, empty
   * when `appendOnly`. An update that comes without an old tuple left all of them as they are in the new one.
   *
   * For a partitioned table this is the only truth: its Relation message shows the root's identity, while the old tuple
   * is cut by the leaf's (this is what all leaves have). For other tables a Relation message in the stream is newer.
   */
  readonly oldColumns: readonly string[]
  readonly partitioned: boolean
  /** By name, sorted; the same event declared by two catalogs is one. */
  readonly events: readonly MappedEvent[]
  /** Its updates and deletes are not published: inserts and truncates are all that comes. */
  readonly appendOnly: boolean
}

/** A table whose changes come from another's topic. Of it Freshet writes watermarks and gaps only, to the topic of its entity. */
export interface ForeignTable {
  /** `public.members` */
  readonly table: string
  readonly entity: string
  /** Is it in this database, so that its structure can be watched? */
  readonly isHere: boolean
}

/** `payment.completed`: when `column` becomes a value, by an insert with it or by an update from another one. */
export interface MappedEvent {
  readonly name: string
  readonly column: string
  /** In the form in which the column's type is decoded, so that `===` compares: an int8 is its decimal text. */
  readonly becomes: ColumnValue
  /** What the event carries: alias -> column. */
  readonly values: Readonly<Record<string, string>>
}

/** An emitted event, as catalogs declare it. */
export interface WatchedEmittedEvent {
  readonly name: string
  readonly entity: string
  readonly parameters: Readonly<Record<string, EmittedParameterType>>
}

/** Column types that an emitted event's parameters may have. */
export type EmittedParameterType = 'int2' | 'int4' | 'int8' | 'uuid' | 'text' | 'bool' | 'date'

/** Nothing is watched: before the first catalog. */
export const noWatchedTables: WatchedTables = {
  tables: new Map(),
  emitted: new Map(),
  foreign: [],
  entities: [],
}
