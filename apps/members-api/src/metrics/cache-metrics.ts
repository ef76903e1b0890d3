import { OccurrenceCounter, type TemplateCounts } from '@freshet/cache'
import { Injectable } from '@nestjs/common'
import { Counter, Registry } from 'prom-client'

/** What the cache counts, as Prometheus counters: by template and reason, never by key. */
@Injectable()
export class CacheMetrics {
  constructor(counter: OccurrenceCounter, registry: Registry) {
    const exposed = (
      name: string,
      help: string,
      label: string,
      countsOf: (counts: TemplateCounts) => Record<string, number>,
    ) =>
      new Counter({
        name,
        help,
        labelNames: ['template', label],
        registers: [registry],
        collect() {
          this.reset() // the cache's own counts are the truth, and only grow
          for (const [template, counts] of counter.templates()) {
            for (const [value, count] of Object.entries(countsOf(counts))) this.inc({ template, [label]: value }, count)
          }
        },
      })
    exposed('freshet_cache_hits_total', 'Reads answered by a layer', 'layer', ({ hits, stale, staleOnError }) => ({
      ...hits,
      'l2-stale': stale, // within its window
      'l2-stale-on-error': staleOnError,
    }))
    exposed('freshet_cache_misses_total', 'Reads that Redis could not answer', 'reason', ({ missed }) => missed)
    exposed(
      'freshet_cache_standby_loads_total',
      'Loads that were to come from the standby: loaded there, or why they were passed on to the primary',
      'outcome',
      ({ loadsFromStandby, passedOver }) => ({ loaded: loadsFromStandby, ...passedOver }),
    )
    exposed(
      'freshet_cache_fills_total',
      'Loads that ended, by what became of the value',
      'outcome',
      ({ stored, refused, failedLoads }) => ({
        stored,
        ...refused,
        failed: failedLoads,
      }),
    )
  }
}
