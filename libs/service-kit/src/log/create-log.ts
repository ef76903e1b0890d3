import { pino, type DestinationStream, type Logger } from 'pino'
import { textLines } from './text-lines.js'

export interface LogOptions {
  readonly service: string
  readonly level: string
  readonly format: 'json' | 'text'
  /** Standard output by default. */
  readonly destination?: DestinationStream
}

/** A service's log: one JSON object a line, or text for people. Bigints (LSNs, xids) are written as decimal text. */
export function createLog({ service, level, format, destination }: LogOptions): Logger {
  const out = destination ?? pino.destination({ dest: 1, sync: true })
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: plain },
    },
    format === 'text' ? textLines(out) : out,
  )
}

/** pino's serializer does not know bigints. */
function plain(facts: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(facts)
  if (!entries.some(([, value]) => typeof value === 'bigint')) return facts
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]))
}
