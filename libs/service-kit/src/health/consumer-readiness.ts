import type { ConsumerHealth } from '@freshet/kafka'
import type { Readiness } from './health-registry.js'

/** A consumer's health as readiness: only a consuming one is ready. */
export const readinessOf = (health: ConsumerHealth): Readiness =>
  health.state === 'consuming' ? { ready: true } : { ready: false, reason: `${health.state}: ${health.reason}` }
