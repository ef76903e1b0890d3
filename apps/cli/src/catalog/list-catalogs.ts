import { formatLsn } from '@freshet/pgoutput'
import type { CatalogInForce } from '@freshet/redis'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import type { RegisteredCatalog } from './registered.js'

/** A line for each registered catalog: whether clients may store under it, and since when. */
export function printCatalogs(
  terminal: Terminal,
  registered: readonly RegisteredCatalog[],
  inForce: readonly CatalogInForce[],
): void {
  if (registered.length === 0) {
    terminal.print('No catalog is registered. Register one with: freshet catalog register FILE|MODULE')
    return
  }
  const rows = registered.map(({ catalog, status }) => {
    const held = inForce.find((one) => one.owner === catalog.owner && one.version === catalog.version)
    const state = held
      ? `in force since ${formatLsn(held.lsn)}`
      : status?.state === 'refused'
        ? `refused: ${status.faults.length} faults`
        : 'waiting for the listener'
    return [catalog.owner, catalog.version, held?.fingerprint ?? status?.fingerprint ?? '', state]
  })
  for (const line of tableLines(['OWNER', 'VERSION', 'FINGERPRINT', 'STATE'], rows)) terminal.print(line)
}
