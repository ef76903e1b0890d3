import { describeFault, type FaultCode } from '@freshet/catalog'
import { formatLsn } from '@freshet/pgoutput'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import type { CatalogStanding } from './catalog-states.js'

/** A line for each catalog: where it stands, and since when; then the topics of others, and the faults of those that are refused. */
export function printCatalogs(terminal: Terminal, standings: readonly CatalogStanding[]): void {
  if (standings.length === 0) {
    terminal.print('No catalog is registered. Register one with: freshet catalog register FILE|MODULE')
    return
  }
  const rows = standings.map(({ owner, version, state, fingerprint, lsn, sinceMs }) => [
    owner,
    version,
    state.replace('-', ' '),
    lsn === undefined ? '' : formatLsn(lsn),
    sinceMs === undefined ? '' : timeText(sinceMs),
    fingerprint ?? '',
  ])
  const head = ['OWNER', 'VERSION', 'STATE', 'SINCE LSN', 'TIME', 'FINGERPRINT']
  for (const line of tableLines(head, rows)) terminal.print(line)
  for (const { owner, version, topics } of standings)
    for (const { topic, strength } of topics)
      terminal.print(`${owner}@${version}: reads ${topic}, ${strength} strength`)
  for (const { owner, version, faults } of standings) {
    if (faults.length === 0) continue
    terminal.print(`${owner}@${version}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`)
    for (const fault of faults) terminal.print(describeFault({ ...fault, code: fault.code as FaultCode }))
  }
}

/** For machines; what is not known is null. */
export const catalogsJson = (standings: readonly CatalogStanding[]): string =>
  JSON.stringify(
    standings.map(({ fingerprint = null, lsn, sinceMs, ...standing }) => ({
      ...standing,
      fingerprint,
      lsn: lsn === undefined ? null : formatLsn(lsn),
      since: sinceMs === undefined ? null : timeText(sinceMs),
    })),
    null,
    2,
  )

const timeText = (ms: number): string => new Date(ms).toISOString()
