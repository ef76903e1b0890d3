import { keysOf, type RunCounts } from './run-tally.js'

const BAR = 20

/** How far a run has come, as one line. `total` is not known of keys that a function lists. */
export function progressLine(counts: RunCounts, total: number | undefined, elapsedMs: number): string {
  const done = keysOf(counts)
  const perSecond = (done * 1_000) / Math.max(elapsedMs, 1)
  const parts = [countsText(counts), `${number(Math.round(perSecond))}/s`]
  if (total === undefined) return `${number(done)} keys: ${parts.join(', ')}`
  const part = total === 0 ? 1 : Math.min(done / total, 1)
  const bar = '#'.repeat(Math.floor(part * BAR)).padEnd(BAR, '.')
  if (done > 0 && done < total) parts.push(`${duration((total - done) / perSecond)} left`)
  return `[${bar}] ${Math.floor(part * 100)} %, ${number(done)} of ${number(total)} keys: ${parts.join(', ')}`
}

/** Those that usually are none are only named where there are some. */
export function countsText({ warmed, fresh, refused, failed, late, foreign, unknown }: RunCounts): string {
  const rare = Object.entries({ late, foreign, unknown }).filter(([, count]) => count > 0)
  const usual = [`${number(warmed)} warmed`, `${number(fresh)} already fresh`]
  return [
    ...usual,
    `${number(refused)} refused`,
    `${number(failed)} failed`,
    ...rare.map(([name, count]) => `${number(count)} ${name}`),
  ].join(', ')
}

const number = (count: number): string => count.toLocaleString('en-US')

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)}s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 90 ? `${minutes}m` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}
