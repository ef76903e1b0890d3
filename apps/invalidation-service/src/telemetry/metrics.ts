import type { Occurrences } from '@freshet/service-kit'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { HotKeys } from '../hot-keys/hot-keys.js'
import type { InvalidationOccurrences } from '../occurrences.js'

/** Counts what happens; no label has more values than there are topics and kinds. */
export function listenToMetrics(occurrences: Occurrences<InvalidationOccurrences>, registry: Registry): void {
  const registers = [registry]
  const changes = new Counter({
    name: 'freshet_invalidation_changes_total',
    help: 'Changes and emitted events applied.',
    labelNames: ['topic'],
    registers,
  })
  const tags = new Counter({
    name: 'freshet_invalidation_tags_fenced_total',
    help: 'Tags fenced, each once a batch.',
    labelNames: ['topic'],
    registers,
  })
  const coldTags = new Counter({
    name: 'freshet_invalidation_cold_tags_fenced_total',
    help: 'Tags among what was fenced that cover no hot key, each once a batch.',
    labelNames: ['topic'],
    registers,
  })
  const hotKeys = new Counter({
    name: 'freshet_invalidation_hot_keys_fenced_total',
    help: 'Hot keys among what was fenced, each once a batch.',
    labelNames: ['topic'],
    registers,
  })
  const refreshes = new Counter({
    name: 'freshet_invalidation_refreshes_scheduled_total',
    help: 'Refreshes of hot keys that the warmer was asked for.',
    labelNames: ['topic'],
    registers,
  })
  const letters = new Counter({
    name: 'freshet_invalidation_dead_letters_total',
    help: 'Records that could not be read.',
    labelNames: ['topic'],
    registers,
  })
  const gaps = new Counter({
    name: 'freshet_invalidation_gaps_total',
    help: 'Gaps applied.',
    labelNames: ['cause'],
    registers,
  })
  const warmedUp = new Counter({
    name: 'freshet_invalidation_warm_up_keys_total',
    help: 'Keys that the warmer was asked for after gaps, and for catalogs that came into force.',
    registers,
  })
  const applied = new Gauge({
    name: 'freshet_invalidation_applied_timestamp_seconds',
    help: "The database's clock in the applied watermark.",
    registers,
  })
  const commitToFence = new Histogram({
    name: 'freshet_commit_to_fence_seconds',
    help: "From a batch's oldest commit to its last rotation.",
    buckets: [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5, 2, 10],
    registers,
  })
  const graph = new Gauge({
    name: 'freshet_dependency_graph_size',
    help: 'Templates and derivations of all catalogs, what their rules fence, and the bytes of the derivations.',
    labelNames: ['of'],
    registers,
  })
  const reports = new Counter({
    name: 'freshet_access_reports_total',
    help: 'Reports of clients on what they read: counted, or skipped since they could not be read.',
    labelNames: ['outcome'],
    registers,
  })
  const reads = new Counter({
    name: 'freshet_cache_reads_total',
    help: 'Reads of all clients that report theirs, by who answered; the same at each instance of this service.',
    labelNames: ['template', 'outcome'],
    registers,
  })
  occurrences.on('accesses:skipped', () => reports.inc({ outcome: 'skipped' }))
  occurrences.on('accesses:reported', ({ templates }) => {
    reports.inc({ outcome: 'counted' })
    for (const [template, outcomes] of Object.entries(templates))
      for (const outcome of ['l1', 'l2', 'missed'] as const) reads.inc({ template, outcome }, outcomes[outcome])
  })
  occurrences.on('graph:compiled', ({ templates, derivations, targets, derivationBytes }) => {
    graph.set({ of: 'templates' }, templates)
    graph.set({ of: 'derivations' }, derivations)
    graph.set({ of: 'targets' }, targets)
    graph.set({ of: 'derivation_bytes' }, derivationBytes)
  })
  occurrences.on(
    'batch:applied',
    ({ topic, changes: count, tagsFenced, coldTagsFenced, hotKeysFenced, refreshesScheduled, commitToFenceMs }) => {
      changes.inc({ topic }, count)
      tags.inc({ topic }, tagsFenced)
      coldTags.inc({ topic }, coldTagsFenced)
      hotKeys.inc({ topic }, hotKeysFenced)
      refreshes.inc({ topic }, refreshesScheduled)
      if (commitToFenceMs !== undefined) commitToFence.observe(commitToFenceMs / 1000)
    },
  )
  occurrences.on('record:dead-lettered', ({ topic }) => letters.inc({ topic }))
  occurrences.on('gap:applied', ({ cause }) => gaps.inc({ cause }))
  occurrences.on('warm-up:asked', ({ keys }) => warmedUp.inc(keys))
  occurrences.on('watermark:applied', ({ databaseTimeMs }) => applied.set(databaseTimeMs / 1000))
}

/** Counted when it is asked for: what is hot changes with every report. */
export function gaugeHotKeys(hotKeys: HotKeys, registry: Registry): void {
  new Gauge({
    name: 'freshet_hot_keys',
    help: 'Hot keys of the fleet.',
    labelNames: ['template'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { template } of hotKeys.hot()) this.inc({ template })
    },
  })
}
