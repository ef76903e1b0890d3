import { expect, it } from 'vitest'
import { run, type Outcome } from './run.js'

const runs = Number(process.env['FRESHET_MODEL_RUNS'] ?? 100_000)
const firstSeed = Number(process.env['FRESHET_MODEL_SEED'] ?? 1)

/** What happened up to the first violation. */
function story(seed: number): string {
  const { trace } = run(seed, undefined, undefined, true)
  const end = trace.findIndex((line) => line.startsWith('!!'))
  return `FRESHET_MODEL_SEED=${seed} FRESHET_MODEL_RUNS=1 shows it again:\n${trace.slice(0, end < 0 ? undefined : end + 1).join('\n')}`
}

it(`whatever is paused, late, repeated, evicted, lost or killed: no read is older than what was promised (${runs} runs)`, () => {
  const total = { stored: 0, l1: 0, l2: 0, joined: 0, token: 0, standby: 0, window: 0 }
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const { violations, stored, hits }: Outcome = run(seed)
    if (violations.length > 0) expect(violations, story(seed)).toEqual([])
    if (stored > 0) total.stored += 1
    for (const [where, count] of Object.entries(hits)) total[where as keyof Outcome['hits']] += count
  }
  process.stdout.write(
    `${runs} runs, 0 violations; runs that stored a value, and what answered: ${JSON.stringify(total)}\n`,
  )
  // a model that never stores finds nothing
  expect(total.stored).toBeGreaterThan(0.75 * runs)
  for (const count of Object.values(total)) expect(count).toBeGreaterThan(0)
}, 3_600_000)
