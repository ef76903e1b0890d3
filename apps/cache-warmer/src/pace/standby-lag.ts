import type { Pool } from 'pg'

export interface StandbyLagOptions {
  /** On the primary, as a role that may see its replication (`pg_monitor`); to others all standbys seem to be in step. */
  readonly database: Pick<Pool, 'query'>
  /** More is too far behind. */
  readonly mostBytes: number
  readonly onLag: (lagBytes: number) => void
  readonly everyMs?: number
}

/** Of streaming standbys; a walsender of a logical slot, as the listener's, is none. */
const lagOfStandbys = `
  select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::float8 as bytes
  from pg_stat_replication
  where state in ('streaming', 'catchup')
    and pid not in (select active_pid from pg_replication_slots where slot_type = 'logical' and active_pid is not null)`

/** How far the primary's standbys are behind, asked at most once a second. */
export class StandbyLag {
  private askedAtMs = -Infinity
  private bytes = 0

  constructor(private readonly options: StandbyLagOptions) {}

  /** Never rejects: where the primary does not answer, the pool's pace knows. */
  async isBehind(): Promise<boolean> {
    const { database, mostBytes, onLag, everyMs = 1_000 } = this.options
    const nowMs = performance.now()
    if (nowMs - this.askedAtMs >= everyMs) {
      this.askedAtMs = nowMs
      this.bytes = await lagOf(database).catch(() => 0)
      onLag(this.bytes)
    }
    return this.bytes > mostBytes
  }
}

async function lagOf(database: StandbyLagOptions['database']): Promise<number> {
  const { rows } = await database.query<{ bytes: number }>(lagOfStandbys)
  return rows[0]?.bytes ?? 0
}
