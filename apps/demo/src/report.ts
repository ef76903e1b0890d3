/** Half and the slowest hundredth, in milliseconds. */
export interface Latency {
  readonly p50: number | undefined
  readonly p99: number | undefined
}

/** What `--report FILE` writes. */
export interface Report {
  /** Committed transactions that changed a row. */
  readonly commits: number
  /** Change records on Kafka. */
  readonly changes: number
  readonly events: number
  readonly tagsFenced: number
  readonly reads: number
  readonly readsByTemplate: Readonly<Record<string, number>>
  readonly hitRate: number
  readonly hitRateByTemplate: Readonly<Record<string, number>>
  /** Loads that were not stored, by the rule that forbade it. */
  readonly refusedFills: Readonly<Record<string, number>>
  readonly commitToFenceMs: Latency
  readonly commitToL1Ms: Latency
  /** A bare socket -> Kafka -> Redis chain beside it. */
  readonly chainMs: Latency
  /** Values that were compared with fresh loads; of several L1s the least. */
  readonly checkedByLayer: { readonly l1: number; readonly l2: number }
  readonly checkedByTemplate: Readonly<Record<string, number>>
  /** Values served without `stale: true` that are not what the database holds. */
  readonly stale: number
  /** Commits of which no change record was seen. */
  readonly lost: number
}

const ms = ({ p50, p99 }: Latency): string => `p50 ${p50?.toFixed(1) ?? '-'} ms, p99 ${p99?.toFixed(1) ?? '-'} ms`
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** The report for people. */
export function summaryLines(report: Report): string[] {
  const templates = Object.entries(report.hitRateByTemplate).map(([name, rate]) => `${name} ${percent(rate)}`)
  const refused = Object.entries(report.refusedFills).map(([reason, count]) => `${reason} ${count}`)
  const ratio =
    report.commitToFenceMs.p99 && report.chainMs.p99
      ? ` (${(report.commitToFenceMs.p99 / report.chainMs.p99).toFixed(1)} times the bare chain's p99)`
      : ''
  return [
    '',
    `${report.commits} commits, ${report.changes} changes, ${report.events} events, ${report.tagsFenced} tags fenced`,
    `${report.reads} reads, hit rate ${percent(report.hitRate)}: ${templates.join(', ')}`,
    `fills refused: ${refused.length > 0 ? refused.join(', ') : 'none'}`,
    `commit -> fence      ${ms(report.commitToFenceMs)}${ratio}`,
    `commit -> L1         ${ms(report.commitToL1Ms)}`,
    `bare chain           ${ms(report.chainMs)}`,
    `checked against fresh loads: ${report.checkedByLayer.l2} values in L2, at least ${report.checkedByLayer.l1} in each L1`,
    `stale: ${report.stale}, lost: ${report.lost}`,
  ]
}
