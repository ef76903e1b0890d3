import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The resident set of a process, in megabytes; 0 where there is no such process. */
export async function residentMegabytes(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined)
  const kilobytes = status === undefined ? await askPs(pid) : /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]
  return Number(kilobytes ?? 0) / 1_024
}

/** For systems without /proc. */
const askPs = async (pid: number): Promise<string> =>
  (await run('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => ({ stdout: '0' }))).stdout
