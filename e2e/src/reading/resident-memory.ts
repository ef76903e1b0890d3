import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The resident set of a process, in megabytes. */
export async function residentMegabytes(pid: number | undefined): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) / 1024
}

/** The largest resident set that a process shows while the work goes on, in megabytes. */
export async function peakDuring(pid: number | undefined, work: Promise<unknown>): Promise<number> {
  let isOver = false
  const watched = work.finally(() => (isOver = true))
  let peak = 0
  while (!isOver) {
    peak = Math.max(peak, await residentMegabytes(pid))
    await Promise.race([delay(50), watched])
  }
  await watched
  return peak
}
