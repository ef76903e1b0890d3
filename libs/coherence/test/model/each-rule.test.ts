import { expect, it } from 'vitest'
import { rules } from './rules.js'
import { run } from './run.js'

const most = 50_000

/** The first run that serves something too old without the rule. */
function firstStale(
  without: (typeof rules)[number],
): { readonly seed: number; readonly violation: string } | undefined {
  for (let seed = 1; seed <= most; seed++) {
    const [violation] = run(seed, without).violations
    if (violation !== undefined) return { seed, violation }
  }
  return undefined
}

it.each(rules)('%s left out is found: something too old is served', { timeout: 600_000 }, (rule) => {
  const found = firstStale(rule)
  process.stdout.write(`without ${rule}: ${found ? `run ${found.seed}: ${found.violation}` : 'nothing found'}\n`)
  expect(found, `nothing too old was served in ${most} runs`).toBeDefined()
  expect(run(found?.seed ?? 0).violations).toEqual([]) // with the rule it is not
})
