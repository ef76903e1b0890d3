import type { DestinationStream } from 'pino'

/** Writes pino's JSON lines as text: `09:26:53.589 WARN  cdc-listener  slot is missing  slot=freshet`. */
export const textLines = (out: DestinationStream): DestinationStream => ({
  write: (line) => out.write(`${textOf(line)}\n`),
})

function textOf(line: string): string {
  const { time, level, service, msg, err, ...facts } = JSON.parse(line) as Record<string, unknown>
  const clock = String(time).slice(11, 23)
  const shown = Object.entries(facts).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const head = [clock, String(level).toUpperCase().padEnd(5), String(service), typeof msg === 'string' ? msg : ''].join(
    '  ',
  )
  const stack = isError(err) ? `\n${err.stack ?? err.message ?? ''}` : ''
  return [head, ...shown].join('  ') + stack
}

const isError = (err: unknown): err is { readonly stack?: string; readonly message?: string } =>
  typeof err === 'object' && err !== null
