// npm run bench:precision -- [--writes N] [--window N] [--seed N]
import { seededRandom, startSystem } from '@freshet/demo'
import { precisionTables } from '@freshet/members-catalog/testing'
import { wholeNumbers } from './whole-numbers.js'
import { measure, world } from './precision/measure.js'

const { writes, window, seed } = wholeNumbers({ writes: 3_000, window: 10, seed: 1 })

const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const system = await startSystem({
  members: world.members.length - 2,
  payments: 40,
  apis: 0,
  warmer: false, // it would fill at once what is to be seen missing
  environment: { FRESHET_WATERMARK_INTERVAL: '50ms', FRESHET_IDLE_WATERMARK_INTERVAL: '100ms' },
})
try {
  const onProgress = (written: number): void => {
    if (written % 500 < window) tell(`${written} of ${writes} writes`)
  }
  const { precision, disagreements, compared } = await measure(system, {
    writes,
    window,
    random: seededRandom(seed),
    onProgress,
  })
  process.stdout.write(`${precisionTables(precision)}\n\n`)
  process.stdout.write(
    `${writes} writes; Redis and the plans disagree on ${disagreements.length} keys; ${compared} values that Redis would serve were compared with fresh loads\n`,
  )
  for (const fault of [...disagreements.slice(0, 20), ...precision.faults]) {
    tell(fault)
    process.exitCode = 1
  }
} finally {
  await system.stop()
}
