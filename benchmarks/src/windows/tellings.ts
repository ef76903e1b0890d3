import type { OccurrenceCounter } from '@freshet/cache'

/** What the readers and the warmer have told of themselves, in so many words: why reads missed, fills were refused and so on. */
export type Tellings = ReadonlyMap<string, number>

/** Of all so far. */
export async function tellingsOf(readers: OccurrenceCounter, warmerUrl: string): Promise<Tellings> {
  const { missed, joined, loads, stored, refused } = readers.of('page')
  const told = new Map([
    ['readers: joined', joined],
    ['readers: loaded', loads],
    ['readers: stored', stored],
  ])
  for (const [reason, count] of Object.entries(missed)) told.set(`readers: missed (${reason})`, count)
  for (const [reason, count] of Object.entries(refused)) told.set(`readers: refused (${reason})`, count)
  const metrics = await (await fetch(`${warmerUrl}/metrics`)).text()
  for (const [, labels = '', count = ''] of metrics.matchAll(/^freshet_warm_requests_total\{(.*)\} (\d+)$/gm)) {
    const [outcome, reason] = ['outcome', 'reason'].map((name) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1])
    told.set(`warmer: ${outcome}${reason ? ` (${reason})` : ''}`, Number(count))
  }
  return told
}

/** What was told meanwhile, in a line. */
export const between = (before: Tellings, after: Tellings): string =>
  [...after]
    .map(([what, count]) => [what, count - (before.get(what) ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what} ${count}`)
    .join(', ')
