import { setFlagsFromString } from 'node:v8'

/** Can only be given at the start. Left alone, the young generation grows until what it holds takes 123 MB. */
const youngGeneration = '--max-semi-space-size=8'
/** When V8 looks for what a large transaction leaves behind; left alone, after far more has piled up, and buffers not counted. */
const oldGeneration = ['--heap-growing-percent=60', '--external-memory-accounted-in-global-limit']

/**
 * Starts this program again in its own place (same process id, same arguments) with a heap that stays small however large
 * a transaction is; returns where that is so already. To be called before anything else is loaded. Where a process cannot
 * be replaced (Windows) only the old generation is bounded.
 *
 * Measured in docs/decisions/017-listener-memory.md.
 */
export function boundHeap(): void {
  const { execArgv, execPath, argv } = process
  if (execArgv.includes(youngGeneration)) return
  if (process.execve === undefined) return oldGeneration.forEach((flag) => setFlagsFromString(flag))
  process.execve(execPath, [execPath, youngGeneration, ...oldGeneration, ...execArgv, ...argv.slice(1)])
}
