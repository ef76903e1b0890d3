import { formatLsn } from '@freshet/pgoutput'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import type { Status } from './status.js'

/** The status for people. */
export function printStatus(
  terminal: Terminal,
  slotName: string,
  { slot, applied, partitions, catalogs }: Status,
): void {
  terminal.print(
    slot
      ? `slot ${slot.name}: ${slot.active ? 'streaming' : 'NOT STREAMING'}, confirmed ${slot.confirmedLsn ?? 'nothing'}, ${slot.lagBytes} bytes behind, WAL ${slot.walStatus}`
      : `slot ${slotName}: does not exist; start cdc-listener`,
  )
  terminal.print(
    applied
      ? `applied up to ${applied.lsn}, as of ${applied.ageMs} ms ago`
      : 'applied: nothing is vouched for yet; start invalidation-service',
  )
  terminal.print('')
  const partitionRows = partitions.map((row) => [
    `${row.topic}/${row.partition}`,
    row.cursor ?? 'MISSING',
    row.waiting ?? '',
    row.appliedLsn ?? '',
    row.appliedAgeMs === undefined ? '' : `${row.appliedAgeMs} ms`,
  ])
  for (const line of tableLines(['PARTITION', 'CURSOR', 'WAITING', 'APPLIED', 'AGE'], partitionRows))
    terminal.print(line)
  terminal.print('')
  const catalogRows = catalogs.map((one) => [one.owner, one.version, one.fingerprint, formatLsn(one.lsn)])
  for (const line of tableLines(['CATALOG', 'VERSION', 'FINGERPRINT', 'IN FORCE SINCE'], catalogRows))
    terminal.print(line)
}

/** The status for machines; LSNs as Postgres writes them. */
export const statusJson = (status: Status): string =>
  JSON.stringify({ ...status, catalogs: status.catalogs.map((one) => ({ ...one, lsn: formatLsn(one.lsn) })) }, null, 2)
