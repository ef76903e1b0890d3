import type { Occurrences } from '@freshet/service-kit'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ListenerOccurrences } from '../listener.js'

/** Counts what happens; no label has more values than there are kinds. */
export function listenToMetrics(occurrences: Occurrences<ListenerOccurrences>, registry: Registry): void {
  const registers = [registry]
  const published = new Counter({
    name: 'freshet_listener_records_published_total',
    help: 'Records that Kafka has acknowledged.',
    registers,
  })
  const publishTime = new Histogram({
    name: 'freshet_listener_publish_seconds',
    help: 'Time from sending a batch to its acknowledgement.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
    registers,
  })
  const failed = new Counter({
    name: 'freshet_listener_publish_failures_total',
    help: 'Batches that Kafka did not acknowledge and that were sent again.',
    registers,
  })
  const lost = new Counter({
    name: 'freshet_listener_stream_losses_total',
    help: 'Times that the replication stream was lost.',
    registers,
  })
  const gaps = new Counter({
    name: 'freshet_listener_gaps_total',
    help: 'Gaps announced.',
    labelNames: ['cause'],
    registers,
  })
  const watermark = new Gauge({
    name: 'freshet_listener_watermark_timestamp_seconds',
    help: "The database's clock in the last watermark.",
    registers,
  })
  occurrences.on('change:published', ({ records, tookMs }) => {
    published.inc(records)
    publishTime.observe(tookMs / 1000)
  })
  occurrences.on('publish:failed', () => failed.inc())
  occurrences.on('stream:lost', () => lost.inc())
  occurrences.on('gap:published', ({ cause }) => gaps.inc({ cause }))
  occurrences.on('watermark:published', ({ databaseTimeMs }) => watermark.set(databaseTimeMs / 1000))
}
