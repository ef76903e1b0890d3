import { publicationMark, publicationNames, quoteIdentifier, quoteLiteral } from '@freshet/postgres'
import type pg from 'pg'
import { publicationFault } from '../admission/verdict.js'
import { readServerFacts, type AsynchronousSetting, type ServerFacts, type SlotFacts } from './server-facts.js'

/** One thing that keeps the listener from running, or that its operator should know. */
export interface PreflightFault {
  readonly code: PreflightCode
  /** A warning does not keep it from running. */
  readonly severity: 'fault' | 'warning'
  readonly message: string
  /** What mends it, ready for psql: one or more lines of SQL. Absent where no statement can. */
  readonly statement?: string
  /** Is the server to be restarted for the statement to count? */
  readonly restart?: boolean
}

export type PreflightCode =
  | 'standby'
  | 'wal-level'
  | 'slots-exhausted'
  | 'senders-exhausted'
  | 'role-without-replication'
  | 'role-without-create'
  | 'publication-not-ours'
  | 'publication-not-owned'
  | 'slot-of-another'
  | 'slot-not-on-standbys'
  | 'asynchronous-commits'

export interface PreflightOptions {
  readonly slot: string
  readonly publication: string
  readonly namespace: string
}

/** The listener cannot run on this server. */
export class PreflightError extends Error {
  readonly code = 'PREFLIGHT'

  constructor(readonly faults: readonly PreflightFault[]) {
    super(`the database is not ready for Freshet:\n${faults.map(describePreflightFault).join('\n')}`)
    this.name = 'PreflightError'
  }
}

/** Reads the server and names everything that is wrong with it at once; tables are admission's to judge. */
export async function preflight(pool: pg.Pool, options: PreflightOptions): Promise<readonly PreflightFault[]> {
  return judgeServer(await readServerFacts(pool, options.slot, options.publication), options)
}

/** For people: the message, and the statement indented below it. */
export function describePreflightFault({ severity, code, message, statement, restart }: PreflightFault): string {
  const lines = statement?.split('\n').map((line) => `    ${line}`) ?? []
  const after = restart === true ? ['    -- and restart the server'] : []
  return [`${severity} ${code}: ${message}`, ...lines, ...after].join('\n')
}

/** Everything that is wrong with a server, most fundamental first. */
export function judgeServer(facts: ServerFacts, options: PreflightOptions): readonly PreflightFault[] {
  if (facts.inRecovery) {
    const message =
      'the server is a standby, which has no publications of its own; point FRESHET_POSTGRES_URL at the primary'
    return [{ code: 'standby', severity: 'fault', message }]
  }
  return [
    ...serverFaults(facts),
    ...roleFaults(facts, options),
    ...publicationFaults(facts, options),
    ...slotFaults(facts, options),
    ...facts.asynchronous.map(asynchronousWarning),
  ]
}

function serverFaults({ walLevel, slot, slots, maxSlots, senders, maxSenders }: ServerFacts): PreflightFault[] {
  const faults: PreflightFault[] = []
  if (walLevel !== 'logical') {
    const message = `wal_level is ${walLevel}: row changes cannot be read from the write-ahead log`
    faults.push({
      code: 'wal-level',
      severity: 'fault',
      message,
      statement: set('wal_level', 'logical'),
      restart: true,
    })
  }
  if (slot === undefined && slots >= maxSlots) {
    const message = `all ${maxSlots} replication slots are taken; raise max_replication_slots, or drop one that nobody uses (pg_replication_slots)`
    const statement = set('max_replication_slots', String(maxSlots + 4))
    faults.push({ code: 'slots-exhausted', severity: 'fault', message, statement, restart: true })
  }
  if (senders >= maxSenders) {
    const message = `all ${maxSenders} WAL senders are taken`
    const statement = set('max_wal_senders', String(maxSenders + 4))
    faults.push({ code: 'senders-exhausted', severity: 'fault', message, statement, restart: true })
  }
  return faults
}

const set = (setting: string, value: string): string => `alter system set ${setting} = ${quoteLiteral(value)};`

function roleFaults(
  { role, database, mayReplicate, mayCreate, publications }: ServerFacts,
  { publication }: PreflightOptions,
): PreflightFault[] {
  const faults: PreflightFault[] = []
  if (!mayReplicate) {
    const statement = `alter role ${quoteIdentifier(role)} replication;`
    faults.push({
      code: 'role-without-replication',
      severity: 'fault',
      message: `role "${role}" may not start replication`,
      statement,
    })
  }
  if (!mayCreate && publications.length < publicationNames(publication).length) {
    const message = `role "${role}" may not create publications in database "${database}"`
    const statement = `grant create on database ${quoteIdentifier(database)} to ${quoteIdentifier(role)};`
    faults.push({ code: 'role-without-create', severity: 'fault', message, statement })
  }
  return faults
}

/** One that belongs to another role is a fault only once it has to be altered: admission says so then. */
function publicationFaults({ publications, role }: ServerFacts, { namespace }: PreflightOptions): PreflightFault[] {
  const mark = publicationMark(namespace)
  return publications
    .filter(({ comment, allTables, schemas }) => comment !== mark || allTables || schemas)
    .map(({ name, comment, allTables, schemas }) => {
      const fault = { code: 'publication-not-ours', publication: name, comment, widened: allTables || schemas } as const
      const { message, fix } = publicationFault(fault, role, mark)
      return { code: fault.code, severity: 'fault', message, statement: fix }
    })
}

function slotFaults(
  { slot, database, version, hasStandbys }: ServerFacts,
  options: PreflightOptions,
): PreflightFault[] {
  if (slot !== undefined && (slot.plugin !== 'pgoutput' || slot.database !== database || slot.twoPhase)) {
    const message = `slot "${slot.name}" is ${describeSlot(slot)}, but the listener needs one of pgoutput in database "${database}" without two-phase commit; drop it if nobody uses it, or set FRESHET_SLOT to another name`
    return [{ code: 'slot-of-another', severity: 'fault', message, statement: dropSlot(slot.name) }]
  }
  if (!hasStandbys || slot?.failover === true) return []
  const message = `a failover would lose slot "${options.slot}", and with it all that was not yet read: Freshet then fences everything`
  const synced = `select pg_create_logical_replication_slot(${quoteLiteral(options.slot)}, 'pgoutput', failover => true);`
  const statement = [...(slot ? [dropSlot(slot.name)] : []), synced].join('\n')
  const sync = '; with failover = true, and sync_replication_slots = on at the standbys, they keep it'
  return version >= slotsFailOverSince
    ? [{ code: 'slot-not-on-standbys', severity: 'warning', message: message + sync, statement }]
    : [
        {
          code: 'slot-not-on-standbys',
          severity: 'warning',
          message: `${message}; before Postgres 17 nothing can be done`,
        },
      ]
}

const slotsFailOverSince = 17

const dropSlot = (name: string): string => `select pg_drop_replication_slot(${quoteLiteral(name)});`

const describeSlot = ({ type, plugin, database, twoPhase }: SlotFacts): string =>
  type === 'physical'
    ? 'physical'
    : `of ${plugin ?? '?'} in database "${database ?? '?'}"${twoPhase ? ' with two-phase commit' : ''}`

function asynchronousWarning({ role, database }: AsynchronousSetting): PreflightFault {
  const places = [role && `role "${role}"`, database && `database "${database}"`].filter((place) => place !== undefined)
  const message = `synchronous_commit is off ${places.length > 0 ? `for ${places.join(' in ')}` : 'on the server'}: such commits are read up to 600 ms later, and those that a crash takes back were visible before`
  return { code: 'asynchronous-commits', severity: 'warning', message, statement: resetSynchronous(role, database) }
}

function resetSynchronous(role: string | undefined, database: string | undefined): string {
  const inDatabase = database === undefined ? '' : ` in database ${quoteIdentifier(database)}`
  if (role !== undefined) return `alter role ${quoteIdentifier(role)}${inDatabase} reset synchronous_commit;`
  if (database !== undefined) return `alter database ${quoteIdentifier(database)} reset synchronous_commit;`
  return `${set('synchronous_commit', 'on')}\nselect pg_reload_conf();`
}
