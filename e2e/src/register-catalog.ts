import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** `freshet catalog register FIXTURE`, as a person types it; resolves with what it printed once the catalog is in force. */
export async function registerCatalog(fixture: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const freshet = createRequire(import.meta.url).resolve('@freshet/cli/bin/freshet.js')
  const file = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url))
  const { stdout } = await run(process.execPath, [freshet, 'catalog', 'register', file], {
    env: { PATH: process.env.PATH, ...environment },
  })
  return stdout.trim()
}
