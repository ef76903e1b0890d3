/** What an API instance counted, of one template. */
export interface TemplateCounts {
  readonly hits: { readonly l1: number; readonly l2: number }
  /** Served within their window. */
  readonly stale: number
  readonly loads: number
  readonly refused: Readonly<Record<string, number>>
}

/** What `/demo/counters` answers. */
export interface ApiCounters {
  readonly templates: Readonly<Record<string, TemplateCounts>>
  /** From a commit to this instance's memory having dropped what it made wrong. */
  readonly commitToL1Ms: readonly number[]
}

export async function readCounters(api: string): Promise<ApiCounters> {
  const response = await fetch(`${api}/demo/counters`)
  if (!response.ok) throw new Error(`${api}/demo/counters answered ${response.status}`)
  return (await response.json()) as ApiCounters
}

/** Hits by template since the earlier reading, also those within a window, over all instances. */
export function hitsSince(before: readonly ApiCounters[], after: readonly ApiCounters[]): Record<string, number> {
  return sumByName(
    after.map(({ templates }) => hitsOf(templates)),
    before.map(({ templates }) => hitsOf(templates)),
  )
}

/** Refused fills by reason since the earlier reading, over all instances and templates. */
export function refusedSince(before: readonly ApiCounters[], after: readonly ApiCounters[]): Record<string, number> {
  const refusals = ({ templates }: ApiCounters) => Object.values(templates).map(({ refused }) => refused)
  return sumByName(after.flatMap(refusals), before.flatMap(refusals))
}

const hitsOf = (templates: ApiCounters['templates']): Record<string, number> =>
  Object.fromEntries(Object.entries(templates).map(([name, { hits, stale }]) => [name, hits.l1 + hits.l2 + stale]))

function sumByName(
  added: readonly Readonly<Record<string, number>>[],
  taken: readonly Readonly<Record<string, number>>[],
): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const counts of added) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
  for (const counts of taken) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) - count
  return sums
}
