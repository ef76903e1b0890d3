import type { FenceTimes } from './fences.js'
import { windowMs, type LoadedPage } from './pages.js'
import { hitRate, p50, p99, type Read } from './reads.js'

/** What one way of caching did under one load. */
export interface Side {
  readonly name: string
  readonly commitsPerSecond: number
  readonly reads: readonly Read[]
  readonly loads: readonly LoadedPage[]
}

export const sideOf = (
  name: string,
  reads: readonly Read[],
  loads: readonly LoadedPage[],
  commitsPerSecond: number,
): Side => ({ name, reads, loads, commitsPerSecond })

export interface Verdict {
  readonly holds: boolean
  readonly text: string
}

export interface Played {
  readonly calm: Side
  readonly stormy: Side
  readonly plainCalm: Side
  readonly plainStormy: Side
  readonly pages: number
  readonly seconds: number
  readonly fences: FenceTimes
}

/** A table of all sides, and what is asked of windows. */
export function verdicts({ calm, stormy, plainCalm, plainStormy, pages, seconds, fences }: Played): Verdict[] {
  const windows = (seconds * 1_000) / windowMs
  const most = mostLoadsOfAPage(stormy)
  const spikes = highestSecond(plainStormy) / Math.max(1, highestSecond(stormy))
  const slower = p99(stormy.reads) / p99(calm.reads)
  const past = fences.longestPastWindow(stormy.reads)
  const stale = stormy.reads.filter(({ isStale }) => isStale).length
  return [
    told(
      '| side | commits/s | reads | hit rate | of them stale | p50 ms | p99 ms | loads | by readers | highest second |',
    ),
    told('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'),
    ...[calm, stormy, plainCalm, plainStormy].map((side) => told(row(side))),
    told(''),
    judged(most <= Math.ceil(windows) + 1, `loads of one page: ${most} at most in ${windows} windows`),
    judged(
      stormy.loads.length <= pages * (windows / 0.95 + 1),
      `loads a page and window: ${(stormy.loads.length / pages / windows).toFixed(2)}`,
    ),
    judged(spikes >= 10, `loads in the highest second: ${spikes.toFixed(1)} times fewer than by delete on change`),
    judged(slower <= 2, `p99 of reads: ${slower.toFixed(2)} times the calm p99`),
    judged(hitRate(stormy.reads) >= 0.9, `hit rate: ${hitRate(stormy.reads).toFixed(4)}`),
    judged(
      past <= 0 && stale > 0 && fences.count > 0,
      `${stale} values served within their window, none later than ${Math.round(windowMs + past)} ms after its first fence (${fences.count} fences heard)`,
    ),
  ]
}

const told = (text: string): Verdict => ({ holds: true, text })
const judged = (holds: boolean, text: string): Verdict => ({ holds, text: `${holds ? 'holds' : 'FAILS'}: ${text}` })

function row(side: Side): string {
  const { name, reads, loads, commitsPerSecond } = side
  const cells = [
    name,
    Math.round(commitsPerSecond),
    reads.length,
    hitRate(reads).toFixed(4),
    reads.filter(({ isStale }) => isStale).length,
    p50(reads).toFixed(1),
    p99(reads).toFixed(1),
    loads.length,
    loads.filter(({ by }) => by === 'readers').length,
    highestSecond(side),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Loads in the fullest second, wherever it begins. */
function highestSecond({ loads }: Side): number {
  const times = loads.map(({ at }) => at).sort((one, other) => one - other)
  let [most, first] = [0, 0]
  for (const [last, at] of times.entries()) {
    while ((times[first] ?? 0) <= at - 1_000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

function mostLoadsOfAPage({ loads }: Side): number {
  const byPage = Map.groupBy(loads, ({ page }) => page)
  return Math.max(0, ...Array.from(byPage.values(), (all) => all.length))
}
