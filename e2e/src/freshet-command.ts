import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs `freshet ARGUMENTS` as a person types it; resolves with what it printed. Rejects when it fails. */
export async function freshetCommand(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')
  const { stdout } = await run(process.execPath, [freshet, ...argv], {
    env: { PATH: process.env.PATH, ...environment },
  })
  return stdout.trim()
}
