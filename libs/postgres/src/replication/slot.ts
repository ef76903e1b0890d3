import { parseLsn, type Lsn } from '@freshet/pgoutput'
import type { Database } from '../snapshot/pool.js'

/** A logical replication slot, as the server knows it. */
export interface SlotFacts {
  readonly name: string
  readonly plugin: string
  readonly database: string
  readonly active: boolean
  /** Of the server's process that serves its reader; undefined while there is none. */
  readonly readerPid: number | undefined
  /** The server keeps its log from here on; undefined where it is lost. */
  readonly restartLsn: Lsn | undefined
  /** What its reader has acknowledged: streaming begins here. */
  readonly confirmedLsn: Lsn
  /** `lost`: its log was removed, it can never be read again. */
  readonly walStatus: 'reserved' | 'extended' | 'unreserved' | 'lost'
  /** Why it can no longer be used; undefined while it can. */
  readonly invalidated: string | undefined
  /** Log that the server keeps for it, in bytes; undefined in recovery. */
  readonly retainedBytes: number | undefined
  /** Kept on standbys, so that it outlives a failover (Postgres 17 and later). */
  readonly failover: boolean
}

interface SlotRow {
  readonly plugin: string
  readonly database: string
  readonly active: boolean
  readonly active_pid: number | null
  readonly restart: string | null
  readonly confirmed: string | null
  readonly wal_status: SlotFacts['walStatus'] | null
  readonly invalidation_reason: string | null
  readonly retained_bytes: number | null
  readonly failover: boolean | null
}

const slotQuery = `
  select s.plugin::text, s.database::text, s.active, s.active_pid, s.restart_lsn::text as restart,
         s.confirmed_flush_lsn::text as confirmed, s.wal_status,
         to_jsonb(s) ->> 'invalidation_reason' as invalidation_reason,
         (to_jsonb(s) ->> 'failover')::boolean as failover,
         case when not pg_is_in_recovery() then (pg_current_wal_lsn() - s.restart_lsn)::float8 end as retained_bytes
    from pg_replication_slots s where s.slot_name = $1 and s.slot_type = 'logical'`

/** Undefined when there is no logical slot of that name. */
export async function readSlot(database: Database, name: string): Promise<SlotFacts | undefined> {
  const { rows } = await database.query<SlotRow>(slotQuery, [name])
  const [row] = rows
  if (!row) return undefined
  return {
    name,
    plugin: row.plugin,
    database: row.database,
    active: row.active,
    readerPid: row.active_pid ?? undefined,
    restartLsn: row.restart === null ? undefined : parseLsn(row.restart),
    confirmedLsn: parseLsn(row.confirmed ?? '0/0'),
    walStatus: row.wal_status ?? 'lost',
    invalidated: row.invalidation_reason ?? (row.wal_status === 'lost' ? 'wal_removed' : undefined),
    retainedBytes: row.retained_bytes ?? undefined,
    failover: row.failover ?? false,
  }
}

export interface CreateSlotOptions {
  /** Keep it on standbys too (Postgres 17 and later, with sync_replication_slots there); false by default. */
  readonly failover?: boolean
}

/**
 * Creates a logical slot for pgoutput. Returns where it begins: changes of later commits are sent, all of them.
 * Waits for transactions that are open.
 */
export async function createSlot(database: Database, name: string, options: CreateSlotOptions = {}): Promise<Lsn> {
  const call = options.failover
    ? `pg_create_logical_replication_slot($1, 'pgoutput', failover => true)`
    : `pg_create_logical_replication_slot($1, 'pgoutput')`
  const { rows } = await database.query<{ lsn: string }>(`select lsn::text from ${call}`, [name])
  return parseLsn(rows[0]?.lsn ?? '')
}

/** Drops a slot that nobody reads. */
export async function dropSlot(database: Database, name: string): Promise<void> {
  await database.query('select pg_drop_replication_slot($1)', [name])
}
