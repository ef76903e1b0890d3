import { createCache } from '@freshet/cache'
import { formatLsn } from '@freshet/pgoutput'
import { clientId, type SystemSettings } from '../settings.js'
import type { Terminal } from '../terminal.js'
import { judgeCatalog } from './catalog-source.js'
import { printJudgement } from './print-judgement.js'

/**
 * Registers a catalog by the same client that services use, and waits until it is in force; false when it has faults,
 * which are printed.
 *
 * Throws CatalogRefusedError with the database's faults, RegistrationTimeoutError and CatalogNotInForceError.
 */
export async function registerCatalog(
  terminal: Terminal,
  source: string,
  settings: SystemSettings,
  timeoutMs: number,
): Promise<boolean> {
  const judged = await judgeCatalog(source)
  const valid = printJudgement(terminal, source, judged)
  if (judged.catalog === undefined || !valid) return false
  const { catalog } = judged
  const cache = await createCache({
    catalog,
    redis: settings.redisUrl,
    namespace: settings.namespace,
    postgres: { url: settings.postgresUrl },
    kafka: { brokers: settings.kafkaBrokers, topicPrefix: settings.topicPrefix, clientId },
    l1: false,
  })
  try {
    const fromMs = performance.now()
    await cache.register({ timeoutMs })
    terminal.note(`${catalog.owner}@${catalog.version} is accepted; waiting until every partition has passed it`)
    const leftMs = Math.max(1, timeoutMs - Math.round(performance.now() - fromMs))
    const { lsn } = await cache.inForce({ timeoutMs: leftMs })
    terminal.print(`${catalog.owner}@${catalog.version} is in force since LSN ${formatLsn(lsn)}`)
    return true
  } finally {
    await cache.close()
  }
}
