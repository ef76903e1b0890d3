import type { ParameterKind } from '@freshet/cache-keys'
import type { Database } from '../snapshot/pool.js'
import type {
  ColumnFacts,
  LeafFacts,
  PrimaryKey,
  RelationKind,
  ReplicaIdentity,
  TableFacts,
  UniqueIndex,
} from './facts.js'
import { wantedTables } from './fingerprint.js'

interface Described {
  readonly name: string
  readonly oid: number
  readonly relkind: string
  readonly persistence: string
  readonly owner: string
  readonly owned: boolean
  readonly columns: readonly DescribedColumn[]
  readonly primary_key: PrimaryKey | null
  readonly identity: DescribedIdentity
  readonly unique_indexes: readonly UniqueIndex[]
  readonly leaves: readonly DescribedLeaf[]
  readonly roots: readonly string[]
  readonly children: readonly string[]
  readonly restricted_by: readonly string[]
}

interface DescribedColumn {
  readonly name: string
  readonly type_oid: number
  readonly type_name: string
  readonly type_kind: string
  readonly modifier: number
  readonly not_null: boolean
  readonly generated: string
}

interface DescribedIdentity {
  readonly setting: string
  readonly columns: readonly string[] | null
}

interface DescribedLeaf {
  readonly name: string
  readonly relkind: string
  readonly persistence: string
  readonly identity: DescribedIdentity
  readonly primary_key: PrimaryKey | null
}

const qualified = (relation: string): string =>
  `(select nspname from pg_namespace where pg_namespace.oid = ${relation}.relnamespace) || '.' || ${relation}.relname`

/** An index's key columns, without those it only INCLUDEs. indkey counts from 0. */
const keyColumnsOf = (index: string, order: string): string => `
  (select json_agg(attname order by ${order}) from pg_attribute
    where attrelid = ${index}.indrelid and array_position(${index}.indkey::int2[], attnum) < ${index}.indnkeyatts)`
const keyOrder = (index: string): string => `array_position(${index}.indkey::int2[], attnum)`

/** Postgres takes no other index for a replica identity. */
const identifies = (index: string): string =>
  `${index}.indisvalid and ${index}.indisunique and ${index}.indimmediate and ${index}.indpred is null and ${index}.indexprs is null`

const identityJson = (relation: string): string => `
  json_build_object('setting', ${relation}.relreplident, 'columns', (
    select ${keyColumnsOf('i', 'attnum')} from pg_index as i
     where i.indrelid = ${relation}.oid and ${identifies('i')}
       and case ${relation}.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end))`

const primaryKeyJson = (relation: string): string => `
  (select json_build_object('columns', ${keyColumnsOf('i', keyOrder('i'))}, 'deferrable', not i.indimmediate)
     from pg_index as i where i.indrelid = ${relation}.oid and i.indisprimary)`

/** Attributes of domains and arrays keep their own oid, and so have no canonical text. */
const columnsJson = `
  (select coalesce(json_agg(json_build_object('name', attname, 'type_oid', atttypid::int8, 'type_name', format_type(atttypid, atttypmod),
            'type_kind', typtype, 'modifier', atttypmod, 'not_null', attnotnull, 'generated', attgenerated) order by attnum), '[]')
     from pg_attribute join pg_type on pg_type.oid = atttypid
    where attrelid = relation.oid and attnum > 0 and not attisdropped)`

const uniqueIndexesJson = `
  (select coalesce(json_agg(json_build_object('name', r.relname, 'columns', ${keyColumnsOf('i', keyOrder('i'))}) order by r.relname), '[]')
     from pg_index as i join pg_class as r on r.oid = i.indexrelid
    where i.indrelid = relation.oid and ${identifies('i')}
      and not exists (select from pg_attribute where attrelid = i.indrelid and not attnotnull
                         and array_position(i.indkey::int2[], attnum) < i.indnkeyatts))`

/** All below it; pg_partition_tree() and pg_partition_ancestors() would lock. */
const leavesJson = `
  (with recursive below (oid) as (
     select inhrelid from pg_inherits where inhparent = relation.oid
     union select i.inhrelid from below join pg_inherits as i on i.inhparent = below.oid)
   select coalesce(json_agg(json_build_object('name', ${qualified('leaf')}, 'relkind', leaf.relkind, 'persistence', leaf.relpersistence,
            'identity', ${identityJson('leaf')}, 'primary_key', ${primaryKeyJson('leaf')}) order by leaf.oid), '[]')
     from below join pg_class as leaf on leaf.oid = below.oid
    where relation.relkind = 'p' and leaf.relkind <> 'p')`

const rootsJson = `
  (with recursive above (oid, distance) as (
     select inhparent, 1 from pg_inherits where inhrelid = relation.oid and relation.relispartition
     union all select i.inhparent, distance + 1 from above join pg_inherits as i on i.inhrelid = above.oid)
   select coalesce(json_agg(${qualified('root')} order by distance), '[]') from above join pg_class as root on root.oid = above.oid)`

const childrenJson = `
  (select coalesce(json_agg(${qualified('child')} order by child.oid), '[]')
     from pg_inherits join pg_class as child on child.oid = inhrelid
    where inhparent = relation.oid and relation.relkind <> 'p')`

/** Others' publications of the table itself or of a table that it is a partition of. */
const restrictedByJson = `
  (select coalesce(json_agg(distinct pubname order by pubname), '[]')
     from pg_publication_rel join pg_publication on pg_publication.oid = prpubid
    where prrelid = relation.oid and (prattrs is not null or prqual is not null) and not pubname = any ($2::text[]))`

const describe = `
  select wanted.name, wanted.oid::int8::float8 as oid, relation.relkind, relation.relpersistence as persistence,
         pg_get_userbyid(relation.relowner)::text as owner, pg_has_role(relation.relowner, 'USAGE') as owned,
         ${columnsJson} as columns, ${primaryKeyJson('relation')} as primary_key, ${identityJson('relation')} as identity,
         ${uniqueIndexesJson} as unique_indexes, ${leavesJson} as leaves, ${rootsJson} as roots,
         ${childrenJson} as children, ${restrictedByJson} as restricted_by
    from (${wantedTables}) as wanted join pg_class as relation on relation.oid = wanted.oid
   order by wanted.name`

/**
 * Reads the facts of tables, in the order of their names, in one statement without locks on them. A table that does not
 * exist is not in the answer.
 *
 * `ownPublications` are Freshet's: they do not count as restrictions by others.
 */
export async function describeTables(
  database: Database,
  names: readonly string[],
  ownPublications: readonly string[] = [],
): Promise<TableFacts[]> {
  const { rows } = await database.query<Described>(describe, [[...new Set(names)], ownPublications])
  return rows.map((row) => ({
    name: row.name,
    oid: row.oid,
    kind: relationKind(row.relkind),
    persistence: persistence(row.persistence),
    owner: row.owner,
    owned: row.owned,
    columns: new Map(row.columns.map((column) => [column.name, columnFacts(column)])),
    primaryKey: row.primary_key ?? undefined,
    identity: replicaIdentity(row.identity),
    uniqueIndexes: row.unique_indexes,
    leaves: row.leaves.map(leafFacts),
    roots: row.roots,
    children: row.children,
    restrictedBy: row.restricted_by,
  }))
}

const relationKinds: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned-table',
  v: 'view',
  m: 'materialized-view',
  f: 'foreign-table',
}
const relationKind = (relkind: string): RelationKind => relationKinds[relkind] ?? 'other'

const persistence = (letter: string): TableFacts['persistence'] =>
  letter === 'p' ? 'permanent' : letter === 'u' ? 'unlogged' : 'temporary'

const leafFacts = (leaf: DescribedLeaf): LeafFacts => ({
  name: leaf.name,
  kind: relationKind(leaf.relkind),
  persistence: persistence(leaf.persistence),
  identity: replicaIdentity(leaf.identity),
  primaryKey: leaf.primary_key ?? undefined,
})

function replicaIdentity({ setting, columns }: DescribedIdentity): ReplicaIdentity {
  if (setting === 'f') return { setting: 'full', columns: 'all' }
  if (setting === 'n') return { setting: 'nothing', columns: undefined }
  return { setting: setting === 'i' ? 'index' : 'default', columns: columns ?? undefined }
}

const typeOid = { bool: 16, int8: 20, int2: 21, int4: 23, text: 25, varchar: 1043, date: 1082, uuid: 2950 } as const
const kinds: ReadonlyMap<number, ParameterKind> = new Map([
  [typeOid.bool, 'boolean'],
  [typeOid.int8, 'integer'],
  [typeOid.int2, 'integer'],
  [typeOid.int4, 'integer'],
  [typeOid.text, 'text'],
  [typeOid.varchar, 'text'],
  [typeOid.date, 'date'],
  [typeOid.uuid, 'uuid'],
] as const)

const varcharHeader = 4
const boundedVarchar = varcharHeader + 255

function columnFacts(column: DescribedColumn): ColumnFacts {
  const kind = column.type_kind === 'e' ? 'text' : kinds.get(column.type_oid)
  const short = column.type_oid === typeOid.varchar && column.modifier > 0 && column.modifier <= boundedVarchar
  return {
    name: column.name,
    typeOid: column.type_oid,
    typeName: column.type_name,
    kind,
    unbounded: kind === undefined || (kind === 'text' && column.type_kind !== 'e' && !short),
    notNull: column.not_null,
    generated: column.generated === 's' ? 'stored' : column.generated === 'v' ? 'virtual' : undefined,
  }
}
