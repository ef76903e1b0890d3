import { expect, it } from 'vitest'
import type { Features } from './features.js'
import { run } from './run.js'
import { rules, shortcuts, type Switch } from './switches.js'

const most = 50_000

/** The first run that serves something too old without the rule. */
function firstStale(
  without: Switch,
  given: Partial<Features> | undefined,
): { readonly seed: number; readonly violation: string } | undefined {
  for (let seed = 1; seed <= most; seed++) {
    const [violation] = run(seed, without, given).violations
    if (violation !== undefined) return { seed, violation }
  }
  return undefined
}

const switches = Object.entries({ ...rules, ...shortcuts }) as [Switch, Partial<Features> | undefined][]

it.each(switches)('found, and something too old is served: without %s', { timeout: 600_000 }, (without, given) => {
  const found = firstStale(without, given)
  process.stdout.write(`${without}: ${found ? `run ${found.seed}: ${found.violation}` : 'nothing found'}\n`)
  expect(found, `nothing too old was served in ${most} runs`).toBeDefined()
  expect(run(found?.seed ?? 0, undefined, given).violations).toEqual([]) // with the rule it is not
})
