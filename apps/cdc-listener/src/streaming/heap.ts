import { setFlagsFromString } from 'node:v8'

/**
 * Makes V8 collect what a large transaction leaves behind before it has piled up; for the whole process, so it is the
 * program's entry that decides.
 *
 * By itself V8 lets the old generation and 64 MB of buffers grow before it looks. A transaction of 500,000 rows then took
 * a listener from 131 to 256 MB; with this, and `--max-semi-space-size=8` when it is started, from 130 to 204 MB, at the
 * same rate. (The young generation's size can only be given at the start; left alone it grows to 134 MB.)
 */
export function collectEarly(): void {
  setFlagsFromString('--heap-growing-percent=100')
  setFlagsFromString('--external-memory-accounted-in-global-limit')
}
