export type { RunEnded, RunOutcome } from './outstanding.js'
export { QueueUnreachableError, WarmerAbsentError, warmRun, type RunKey, type WarmRunOptions } from './warm-run.js'
