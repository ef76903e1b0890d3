import { parseDuration } from '@freshet/catalog'
import { InvalidArgumentError } from 'commander'

/** Shown at the end of a command's help. */
export const examples = (lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`

export function durationMs(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

export function keyCount(text: string): number {
  const keys = Number(text)
  if (Number.isInteger(keys) && keys > 0 && keys <= 40_000) return keys
  throw new InvalidArgumentError('it must be a whole number from 1 to 40,000.')
}

/** Ctrl-C, or another of these signals, aborts the work's own; the work ends by itself. A second one ends the process. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  by: readonly NodeJS.Signals[] = ['SIGINT'],
): Promise<T> {
  const interrupted = new AbortController()
  const end = (): void => interrupted.abort()
  for (const signal of by) process.once(signal, end)
  try {
    return await work(interrupted.signal)
  } finally {
    for (const signal of by) process.off(signal, end)
  }
}
