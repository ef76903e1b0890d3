import type { ParameterKind } from '@freshet/cache-keys'

/** What the database says of one relation; names of columns as in the database. */
export interface TableFacts {
  /** Schema-qualified, as asked for: `public.members`. */
  readonly name: string
  readonly oid: number
  readonly kind: RelationKind
  readonly persistence: 'permanent' | 'unlogged' | 'temporary'
  readonly owner: string
  /** May the connected role alter it and publish it (its owner, a member of the owner, a superuser)? */
  readonly owned: boolean
  readonly columns: ReadonlyMap<string, ColumnFacts>
  readonly primaryKey: PrimaryKey | undefined
  readonly identity: ReplicaIdentity
  /** Usable as a replica identity: unique, immediate, whole columns that are NOT NULL. */
  readonly uniqueIndexes: readonly UniqueIndex[]
  /** Of a partitioned table: its leaves on every level, with what their own rows come from. */
  readonly leaves: readonly LeafFacts[]
  /** Partitioned tables that it is a partition of, the nearest first. */
  readonly roots: readonly string[]
  /** Tables that inherit from it without being partitions; their rows are read with its own. */
  readonly children: readonly string[]
  /** Publications of others that restrict what a replica identity may be: by a column list or a row filter. */
  readonly restrictedBy: readonly string[]
}

export type RelationKind = 'table' | 'partitioned-table' | 'view' | 'materialized-view' | 'foreign-table' | 'other'

export interface ColumnFacts {
  readonly name: string
  readonly typeOid: number
  /** As Postgres writes it: `character varying(40)`. */
  readonly typeName: string
  /** What a key's parameter of this column is; undefined when its type has no canonical text (section 5). */
  readonly kind: ParameterKind | undefined
  /** Whose values in an index entry can grow without bound: text, and varchar beyond 255 characters. */
  readonly unbounded: boolean
  readonly notNull: boolean
  readonly generated: 'stored' | 'virtual' | undefined
}

export interface PrimaryKey {
  readonly columns: readonly string[]
  /** Then it identifies no row in the stream. */
  readonly deferrable: boolean
}

/** How updates and deletes tell which row they changed. */
export interface ReplicaIdentity {
  readonly setting: 'default' | 'nothing' | 'full' | 'index'
  /** What the setting comes to: the columns, in attribute order; all of them; or none, if it has no usable index. */
  readonly columns: readonly string[] | 'all' | undefined
}

export interface UniqueIndex {
  readonly name: string
  readonly columns: readonly string[]
}

/** One partition that holds rows. */
export interface LeafFacts {
  readonly name: string
  readonly kind: RelationKind
  readonly persistence: TableFacts['persistence']
  readonly identity: ReplicaIdentity
  readonly primaryKey: PrimaryKey | undefined
}
