// npm run bench:precision -- [--writes N] [--window N] [--seed N]
import { parseArgs } from 'node:util'
import { seededRandom, startSystem } from '@freshet/demo'
import { precisionTables } from '@freshet/members-catalog/testing'
import { measure, world } from './precision/measure.js'

const { values } = parseArgs({
  options: {
    writes: { type: 'string', default: '3000' },
    window: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
})
const [writes = 0, window = 0, seed = 0] = (['writes', 'window', 'seed'] as const).map((name) => {
  const value = Number(values[name])
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`--${name} wants a whole number of at least 1`)
  return value
})

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
