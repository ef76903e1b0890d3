import { openAudit, type Audit, type AuditOptions } from '@freshet/auditor'
import type { System } from '@freshet/demo'
import * as members from '@freshet/members-catalog'
import { apiMemory } from './api-memory.js'

/**
 * Audits a system: Redis, a memory of the audit's own, and those of all API instances. Its client goes the services' ways
 * and has their budgets, but 2 s for all templates, so that none may be stale at 5 s.
 */
export function auditSystem(
  { apis, environment }: System,
  postgresUrl: string,
  options: Partial<AuditOptions> = {},
): Promise<Audit> {
  return openAudit({
    loaders: members,
    redis: environment['FRESHET_REDIS_URL'] ?? '',
    postgresUrl,
    kafka: { brokers: (environment['FRESHET_KAFKA_BROKERS'] ?? '').split(',') },
    keysPerSecond: 200,
    recheckAfterMs: [1_000, 5_000],
    budgets: { l2: { maxLagMs: 2_000 } },
    others: (cache) => apis.map((api) => apiMemory(api, cache)),
    ...options,
  })
}
