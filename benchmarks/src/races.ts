// npm run bench:races -- [--rounds N] [--only NAME] [--report FILE]
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startSystem } from '@freshet/demo'
import { startPostgresPair } from '@freshet/local-stack'
import { asyncCacheDedupe } from './races/libraries/async-cache-dedupe.js'
import { bentocache } from './races/libraries/bentocache.js'
import { cacheManager } from './races/libraries/cache-manager.js'
import { cacheable } from './races/libraries/cacheable.js'
import { freshet } from './races/libraries/freshet.js'
import { Rows } from './races/rows.js'
import { runLibrary, type Outcome } from './races/run.js'
import { tableOf } from './races/table.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, only: { type: 'string' }, report: { type: 'string' } },
})
const rounds = Number(values.rounds)
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new RangeError('--rounds wants a whole number of at least 1')

const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const pair = await startPostgresPair()
const system = await startSystem({
  members: 0,
  payments: 0,
  apis: 0,
  warmer: false,
  environment: { FRESHET_POSTGRES_URL: pair.primaryUrl },
}).catch(async (error: unknown) => {
  await pair.stop()
  throw error
})
const rows = await Rows.open(pair)
const outcomes: Outcome[] = []
try {
  const libraries = [bentocache, cacheable, cacheManager, asyncCacheDedupe, freshet(system, pair.primaryUrl, rows)]
  const chosen = libraries.filter(({ name }) => name.toLowerCase().startsWith((values.only ?? '').toLowerCase()))
  if (chosen.length === 0) throw new RangeError(`--only wants one of ${libraries.map(({ name }) => name).join(', ')}`)
  for (const library of chosen)
    await runLibrary(library, rows, system.stack.redisUrl, rounds, (outcome) => {
      outcomes.push(outcome)
      tell(
        `${outcome.library}, ${outcome.layers}, ${outcome.name}: ${outcome.verdict} (${outcome.stale}/${rounds} stale)`,
      )
    })
  process.stdout.write(`${tableOf(outcomes)}\n`)
  if (values.report !== undefined) await writeFile(values.report, `${JSON.stringify({ rounds, outcomes }, null, 2)}\n`)
} finally {
  await rows.close()
  await system.stop()
  await pair.stop()
}
const wrong = outcomes.filter(({ library, verdict }) => library === 'Freshet' && verdict !== 'fresh')
if (wrong.length > 0) {
  tell(`Freshet is not fresh in ${wrong.length} case(s)`)
  process.exitCode = 1
}
