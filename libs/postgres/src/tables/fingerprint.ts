import type { Database } from '../snapshot/pool.js'
import { onlyRow } from '../snapshot/identity.js'

/**
 * The tables `$1::text[]` with their oids. Names are split at their first dot, so that the index on (relname,
 * relnamespace) finds them.
 */
export const wantedTables = `
  select wanted.name, relation.oid
    from unnest($1::text[]) as wanted (name)
    join pg_namespace as namespace on namespace.nspname = split_part(wanted.name, '.', 1)
    join pg_class as relation on relation.relnamespace = namespace.oid
     and relation.relname = substr(wanted.name, strpos(wanted.name, '.') + 1)`

/**
 * Text over the structure of the tables `$1` and their places in the publications `$2`.
 *
 * Everything that can change rows or their publication without a record in the stream: leaves that come and go and
 * files that are replaced (DETACH, TRUNCATE of a leaf, ALTER TYPE ... USING), attributes, replica identities, and being
 * taken out of a publication and put back (its entry gets a new oid).
 *
 * Reads the catalogs only: pg_partition_tree() would lock the tables and let a long DDL hold up every watermark.
 */
export const fingerprintColumn = `(
  with recursive wanted as (${wantedTables}),
  tree (name, oid) as (
    select name, oid from wanted
    union
    select tree.name, child.inhrelid from tree join pg_inherits as child on child.inhparent = tree.oid
  ),
  facts (name, oid, fact) as (
    select tree.name, tree.oid, concat_ws(' ', relation.relfilenode, relation.relkind, relation.relpersistence,
        relation.relreplident, relation.relispartition,
        (select string_agg(concat_ws(' ', attnum, quote_ident(attname), atttypid, atttypmod, attgenerated), ',' order by attnum)
           from pg_attribute where attrelid = tree.oid and attnum > 0),
        (select string_agg(concat_ws(' ', indexrelid, indisreplident, indimmediate, indisvalid, indkey), ',' order by indexrelid)
           from pg_index where indrelid = tree.oid and (indisprimary or indisreplident)),
        (select string_agg(concat_ws(' ', place.oid, place.prattrs), ',' order by place.oid)
           from pg_publication_rel as place join pg_publication as publication on publication.oid = place.prpubid
          where place.prrelid = tree.oid and publication.pubname = any ($2::text[])))
      from tree join pg_class as relation on relation.oid = tree.oid
  ),
  digests (name, digest) as (
    select name, to_hex(hashtextextended(string_agg(concat_ws(' ', oid, fact), ';' order by oid), 0)) from facts group by name
  )
  select coalesce(string_agg(concat(asked.name, '=', coalesce(digests.digest, '-')), E'\\n' order by asked.name), '')
    from unnest($1::text[]) as asked (name) left join digests on digests.name = asked.name
)`

/**
 * The structure of tables and their places in publications, as text: a line `public.members=1f0c...` each, a missing
 * table with `-`. One statement without locks on the tables.
 */
export async function tableFingerprint(
  database: Database,
  tables: readonly string[],
  publications: readonly string[],
): Promise<string> {
  const { rows } = await database.query<{ fingerprint: string }>(`select ${fingerprintColumn} as fingerprint`, [
    tables,
    publications,
  ])
  return onlyRow(rows).fingerprint
}
