const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** How a duration is written: a whole number and its unit. */
export const durationPattern = /^(\d{1,9})(ms|s|m|h|d)$/

/** A text that is no duration. */
export class DurationSyntaxError extends Error {
  readonly code = 'DURATION_SYNTAX'

  constructor(readonly text: string) {
    super(`"${text}" is not a duration; write a whole number and ms, s, m, h or d, such as "5s"`)
    this.name = 'DurationSyntaxError'
  }
}

/**
 * Reads a duration (`'250ms'`, `'5s'`, `'10m'`, `'1h'`, `'1d'`) as milliseconds.
 *
 * Throws DurationSyntaxError when the text is anything else.
 */
export function parseDuration(text: string): number {
  const [, count, unit] = durationPattern.exec(text) ?? []
  const unitMs = unitsMs[unit ?? '']
  if (count === undefined || unitMs === undefined) throw new DurationSyntaxError(text)
  return Number(count) * unitMs
}

/** Writes whole milliseconds in the largest unit that holds them exactly: `formatDuration(90_000)` is `'90s'`. */
export function formatDuration(ms: number): string {
  const [unit = 'ms', unitMs = 1] = Object.entries(unitsMs).findLast(([, size]) => ms % size === 0 && ms >= size) ?? []
  return `${ms / unitMs}${unit}`
}
