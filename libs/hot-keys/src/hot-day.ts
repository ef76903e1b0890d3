/** A key of an hour's list. */
export interface HourKey {
  readonly owner: string
  /** The template's name in its owner's catalog. */
  readonly template: string
  /** The key's text. */
  readonly key: string
  readonly count: number
}

const HOUR_MS = 3_600_000
const HOURS = 24

/** Which hour a moment (milliseconds since 1970) is in, counted from 1970. */
export const hourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS)

/**
 * The keys that were read most in the last 24 hours, by the lists of those hours, the hottest first. A list is what a window
 * held when it was taken last, so that reads may count in two of them: it ranks, and counts nothing.
 */
export function hottestOfDay(
  hours: readonly { readonly hour: number; readonly keys: readonly HourKey[] }[],
  nowMs: number,
): readonly HourKey[] {
  const now = hourOf(nowMs)
  const sums = new Map<string, HourKey>()
  for (const { hour, keys } of hours) {
    if (hour > now || hour <= now - HOURS) continue
    for (const each of keys) {
      const name = `${each.owner}\n${each.template}\n${each.key}`
      sums.set(name, { ...each, count: each.count + (sums.get(name)?.count ?? 0) })
    }
  }
  return [...sums.values()].sort((one, other) => other.count - one.count)
}
