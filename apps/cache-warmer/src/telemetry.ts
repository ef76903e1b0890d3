import { SERVICE_LOG } from '@freshet/service-kit'
import { Inject, Injectable } from '@nestjs/common'
import type { Logger } from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { OCCURRENCES, type WarmerOccurrences } from './occurrences.js'
import { RefillQueue } from './queue/refill-queue.js'

/** Log and metrics of the warmer. */
@Injectable()
export class Telemetry {
  constructor(
    @Inject(OCCURRENCES) occurrences: WarmerOccurrences,
    @Inject(SERVICE_LOG) log: Logger,
    registry: Registry,
    queue: RefillQueue,
  ) {
    const requests = new Counter({
      name: 'freshet_warm_requests_total',
      help: 'Warm requests by what became of them: warmed, fresh, early, refused, failed, late, foreign',
      labelNames: ['template', 'outcome', 'reason'],
      registers: [registry],
    })
    const durations = new Histogram({
      name: 'freshet_warm_duration_seconds',
      help: 'From the start of a refill to its end',
      labelNames: ['template'],
      registers: [registry],
    })
    const unreadable = new Counter({
      name: 'freshet_warm_requests_unreadable_total',
      help: 'Records of the topic that could not be read as warm requests',
      registers: [registry],
    })
    const deadLetters = new Counter({
      name: 'freshet_warmer_dead_letters_total',
      help: 'Refills that failed at their last attempt',
      labelNames: ['template'],
      registers: [registry],
    })
    new Gauge({
      name: 'freshet_warmer_jobs',
      help: 'Jobs in the queue by state: waiting, active, delayed, failed; of all warmers of this catalog',
      labelNames: ['state'],
      registers: [registry],
      async collect() {
        this.reset() // while the queue cannot be reached nothing is known
        const counts = await queue.counts().catch(() => ({}))
        for (const [state, jobs] of Object.entries(counts)) this.set({ state }, jobs)
      },
    })
    const limits = new Gauge({
      name: 'freshet_warmer_limit',
      help: 'Refills that may run at once, as the pool allows it',
      registers: [registry],
    })
    const poolWaits = new Histogram({
      name: 'freshet_warmer_pool_wait_seconds',
      help: 'Waits for a connection of the pool that the loaders share',
      registers: [registry],
    })
    const standbyLag = new Gauge({
      name: 'freshet_warmer_standby_lag_bytes',
      help: 'Write-ahead log that the standby furthest behind has not replayed, as measured while there was work',
      registers: [registry],
    })
    const breakers = new Gauge({
      name: 'freshet_warmer_breaker_open',
      help: '1 while loads of a template are held back because they failed',
      labelNames: ['template'],
      registers: [registry],
    })
    const audited = new Counter({
      name: 'freshet_audit_reads_total',
      help: 'Values that an audit looked at: consistent, wrong, miss, or why they could not be judged',
      labelNames: ['layer', 'template', 'outcome'],
      registers: [registry],
    })
    const stale = new Counter({
      name: 'freshet_audit_stale_total',
      help: 'Values that were still wrong so many seconds after an audit had seen it',
      labelNames: ['layer', 'template', 'after'],
      registers: [registry],
    })
    occurrences.on('audit:occurred', (occurred) => {
      if (occurred.type === 'audit:compared') {
        const { layer, template, outcome } = occurred
        audited.inc({ layer, template, outcome })
      } else if (occurred.type === 'audit:stale') {
        const { layer, template, key, afterMs, isLast, loadedAtMs } = occurred
        stale.inc({ layer, template, after: String(afterMs / 1_000) })
        if (isLast)
          log.error({ layer, template, parameters: key.parameters, afterMs, loadedAtMs }, 'a cached value stays stale')
      } else log.warn({ what: occurred.what, err: occurred.error }, 'an audit cannot look')
    })
    occurrences.on('refill:ended', (ended) => {
      const { outcome, template, durationMs } = ended
      requests.inc({ template, outcome, reason: outcome === 'refused' ? ended.reason : '' })
      durations.observe({ template }, durationMs / 1_000)
    })
    occurrences.on('job:dead', ({ template, attempts, error }) => {
      deadLetters.inc({ template })
      log.warn({ template, attempts, err: error }, 'a refill failed for good; the next reader loads the value')
    })
    occurrences.on('pace:set', ({ limit, poolWaitMs }) => {
      limits.set(limit)
      if (poolWaitMs !== undefined && Number.isFinite(poolWaitMs)) poolWaits.observe(poolWaitMs / 1_000)
    })
    occurrences.on('standbys:measured', ({ lagBytes }) => standbyLag.set(lagBytes))
    occurrences.on('breaker:moved', ({ template, at }) => {
      breakers.set({ template }, at === 'closed' ? 0 : 1)
      log.info({ template, at }, 'the breaker of a template moved')
    })
    occurrences.on('queue:warned', ({ message }) => log.warn(message))
    occurrences.on('queue:broke', ({ error }) => log.debug({ err: error }, 'the queue cannot be reached'))
    occurrences.on('request:unreadable', ({ partition, offset, error }) => {
      unreadable.inc()
      log.warn({ partition, offset, err: error }, 'a warm request cannot be read and is skipped')
    })
  }
}
