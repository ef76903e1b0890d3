import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '@freshet/service-kit'
import { onTestFinished } from 'vitest'
import { main } from '../src/index.js'

/** Runs a command line as the shell would, and returns what it left. */
export async function freshet(
  argv: readonly string[],
  environment: Environment = {},
): Promise<{ readonly exitCode: number; readonly printed: string; readonly noted: string }> {
  const printed: string[] = []
  const noted: string[] = []
  const terminal = { print: (line: string) => printed.push(line), note: (line: string) => noted.push(line) }
  const exitCode = await main(argv, environment, terminal)
  return { exitCode, printed: printed.join('\n'), noted: noted.join('\n') }
}

/** A file that is gone after the test; returns its path. */
export async function fileWith(name: string, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'freshet-cli-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, name), content)
  return join(folder, name)
}
