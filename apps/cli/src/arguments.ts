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

/** Ctrl-C aborts the signal; the work ends by itself. A second one ends the process. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController()
  const end = (): void => interrupted.abort()
  process.once('SIGINT', end)
  try {
    return await work(interrupted.signal)
  } finally {
    process.off('SIGINT', end)
  }
}
