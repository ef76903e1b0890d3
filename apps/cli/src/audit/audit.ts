import { setTimeout as delay } from 'node:timers/promises'
import { openAudit, tableOf, type AuditOccurrence, type AuditTable } from '@freshet/auditor'
import { importLoaderModule } from '@freshet/cache/loaders'
import { clientId, type SystemSettings } from '../settings.js'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'

export interface AuditCommand {
  /** Module of loaders: a path or a package. */
  readonly loaders: string
  readonly forMs: number
  readonly keysPerSecond: number
  readonly recheckAfterMs: readonly number[]
  readonly json?: boolean
  /** Ends the sampling early. */
  readonly signal?: AbortSignal
}

/** How often it is said how far the audit has come. */
const TOLD_EVERY_MS = 10_000

/** Stale keys that are printed one by one. */
const SHOWN_KEYS = 20

/**
 * Audits a running system for a while and prints the shares; false when something was still stale at the last look.
 *
 * Throws LoaderModuleError, CatalogNotInForceError, and what connecting throws.
 */
export async function audit(terminal: Terminal, command: AuditCommand, settings: SystemSettings): Promise<boolean> {
  const { forMs, keysPerSecond, recheckAfterMs, signal } = command
  const loaders = await importLoaderModule(command.loaders, process.cwd())
  const stale = new StaleKeys(terminal)
  const running = await openAudit({
    loaders,
    redis: settings.redisUrl,
    namespace: settings.namespace,
    postgresUrl: settings.postgresUrl,
    kafka: { brokers: settings.kafkaBrokers, topicPrefix: settings.topicPrefix, clientId },
    keysPerSecond,
    recheckAfterMs,
    report: stale.report,
  })
  const { auditor } = running
  terminal.note(`auditing ${loaders.catalog.owner}, ${keysPerSecond} keys a second; Ctrl-C ends it early`)
  const endsAtMs = performance.now() + forMs
  while (performance.now() < endsAtMs && !signal?.aborted) {
    const leftMs = endsAtMs - performance.now()
    await delay(Math.min(TOLD_EVERY_MS, leftMs), undefined, signal && { signal }).catch(() => undefined)
    terminal.note(progress(auditor.table, auditor.open))
  }
  if (auditor.open > 0) terminal.note(`following ${auditor.open} wrong values to their end`)
  const table = await running.end()
  print(terminal, table, command.json ?? false)
  return table.staleAfter(recheckAfterMs.at(-1) ?? 0) === 0
}

const progress = (table: AuditTable, open: number): string => {
  const sum = (count: (row: AuditTable['rows'][number]) => number) =>
    table.rows.reduce((all, row) => all + count(row), 0)
  return `${sum(({ reads }) => reads)} reads, ${sum(({ wrong }) => wrong)} wrong at first sight, ${open} being followed`
}

function print(terminal: Terminal, table: AuditTable, json: boolean): void {
  if (json) {
    const rows = table.rows.map((row) => ({
      ...row,
      stale: Object.fromEntries(row.stale),
      excluded: Object.fromEntries(row.excluded),
    }))
    return terminal.print(JSON.stringify({ rows, digests: table.digests }))
  }
  if (table.rows.length === 0) return terminal.print('No layer holds a value of this catalog.')
  const { head, rows } = tableOf(table)
  for (const line of tableLines(head, rows)) terminal.print(line)
  if (table.digests > 0)
    terminal.note(`${table.digests} keys were passed over: of a long query only its digest is known`)
}

/** Says which keys are stale, and the first of each failure. */
class StaleKeys {
  private shown = 0
  private readonly failures = new Set<string>()

  constructor(private readonly terminal: Terminal) {}

  readonly report = (occurrence: AuditOccurrence): void => {
    if (occurrence.type === 'audit:stale' && this.shown++ < SHOWN_KEYS) {
      const { layer, template, key, afterMs, loadedAtMs } = occurrence
      const loaded = new Date(loadedAtMs).toISOString()
      this.terminal.note(
        `stale for ${afterMs / 1_000} s in ${layer}: ${template} ${JSON.stringify(key.parameters)}, loaded at ${loaded}`,
      )
    }
    if (occurrence.type === 'audit:failed') {
      const { what, error } = occurrence
      const text = `${what} failed: ${error instanceof Error ? error.message : String(error)}`
      if (this.failures.size < SHOWN_KEYS && !this.failures.has(text)) this.terminal.note(text)
      this.failures.add(text)
    }
  }
}
