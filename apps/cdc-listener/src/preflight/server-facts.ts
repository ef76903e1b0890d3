import { publicationNames, readPublications, type PublicationState } from '@freshet/postgres'
import type pg from 'pg'

/** What preflight judges a server by. */
export interface ServerFacts {
  /** Major version. */
  readonly version: number
  readonly database: string
  readonly role: string
  readonly inRecovery: boolean
  readonly walLevel: string
  /** May the role start replication (REPLICATION, or a superuser)? */
  readonly mayReplicate: boolean
  /** May the role create publications in this database? */
  readonly mayCreate: boolean
  readonly maxSlots: number
  readonly slots: number
  readonly maxSenders: number
  readonly senders: number
  /** The listener's own, if it exists. */
  readonly slot: SlotFacts | undefined
  /** Are there standbys that could be promoted: senders or slots of physical replication? */
  readonly hasStandbys: boolean
  readonly asynchronous: readonly AsynchronousSetting[]
  /** Freshet's publications, by their names. */
  readonly publications: readonly PublicationState[]
}

export interface SlotFacts {
  readonly name: string
  readonly type: 'logical' | 'physical'
  readonly plugin: string | undefined
  readonly database: string | undefined
  readonly twoPhase: boolean
  /** Is it kept in step on standbys? Undefined before Postgres 17. */
  readonly failover: boolean | undefined
}

/** A place that switches `synchronous_commit` off. */
export interface AsynchronousSetting {
  /** Undefined: for all roles. */
  readonly role: string | undefined
  /** Undefined: for all databases. With neither it is the server's own setting. */
  readonly database: string | undefined
}

interface FactsRow extends Omit<ServerFacts, 'slot' | 'publications' | 'asynchronous'> {
  readonly slot: {
    name: string
    type: 'logical' | 'physical'
    plugin: string | null
    database: string | null
    twoPhase: boolean
    failover: boolean | null
  } | null
  readonly asynchronous: readonly { role: string | null; database: string | null }[]
}

/** Columns that came with later versions are read through JSON: an older server answers null. */
const facts = `
  select current_setting('server_version_num')::int / 10000 as version, current_database()::text as database,
         current_user::text as role, pg_is_in_recovery() as "inRecovery", current_setting('wal_level') as "walLevel",
         (select rolreplication or rolsuper from pg_roles where rolname = current_user) as "mayReplicate",
         has_database_privilege(current_database(), 'CREATE') as "mayCreate",
         current_setting('max_replication_slots')::int as "maxSlots",
         (select count(*)::int from pg_replication_slots) as slots,
         current_setting('max_wal_senders')::int as "maxSenders",
         (select count(*)::int from pg_stat_replication) as senders,
         (select json_build_object('name', slot_name, 'type', slot_type, 'plugin', plugin, 'database', database,
                   'twoPhase', coalesce(two_phase, false), 'failover', to_jsonb(s) -> 'failover')
            from pg_replication_slots as s where slot_name = $1) as slot,
         exists (select from pg_replication_slots where slot_type = 'physical')
           or exists (select from pg_stat_replication as r where not exists
                       (select from pg_replication_slots as s where s.active_pid = r.pid and slot_type = 'logical')
                        and state = 'streaming') as "hasStandbys",
         (select coalesce(json_agg(json_build_object('role', rolname, 'database', datname) order by rolname, datname), '[]') from (
            select null::text as rolname, null::text as datname from pg_settings
             where name = 'synchronous_commit' and source not in ('database', 'user', 'database user', 'session', 'client') and setting = 'off'
            union all
            select rolname::text, datname::text from pg_db_role_setting
              left join pg_roles on pg_roles.oid = setrole left join pg_database on pg_database.oid = setdatabase
             where exists (select from unnest(setconfig) as one where one ~* '^synchronous_commit=(off|false|no|0)$') and (setdatabase = 0 or datname = current_database())
         ) as places) as asynchronous`

/** Reads what preflight judges, in one statement and a look at the publications. */
export async function readServerFacts(pool: pg.Pool, slot: string, publication: string): Promise<ServerFacts> {
  const { rows } = await pool.query<FactsRow>(facts, [slot])
  const [row] = rows
  if (row === undefined) throw new RangeError('the server answered without a row')
  return {
    ...row,
    slot: row.slot
      ? {
          ...row.slot,
          plugin: row.slot.plugin ?? undefined,
          database: row.slot.database ?? undefined,
          failover: row.slot.failover ?? undefined,
        }
      : undefined,
    asynchronous: row.asynchronous.map(({ role, database }) => ({
      role: role ?? undefined,
      database: database ?? undefined,
    })),
    publications: await readPublications(pool, publicationNames(publication)),
  }
}
