import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { ServiceStartError, StackStartError, type ProviderName } from '@freshet/local-stack'
import { Command, Option } from 'commander'
import { runDemo } from './demo.js'
import { templatesRead } from './load/readers.js'
import { summaryLines } from './report.js'
import { startSystem, type System } from './system/system.js'

interface Flags {
  readonly report?: string
  readonly breakRule?: string
  readonly keep?: boolean
  readonly provider?: 'auto' | ProviderName
}

const members = 10_000
const payments = 50_000
const tell = (line: string): void => void process.stdout.write(`${line}\n`)

const program = new Command('demo')
  .description(
    'Starts everything on this machine, shows one change, then load, then checks every layer against fresh loads.',
  )
  .option('--report <file>', 'write the figures as JSON')
  .addOption(
    new Option('--break-rule <template>', 'leave out every rule target of a template: staleness must be found').choices(
      templatesRead,
    ),
  )
  .option('--keep', 'leave everything running, with its addresses printed, until Ctrl-C')
  .addOption(new Option('--provider <provider>', 'how the servers run').choices(['auto', 'containers', 'native']))

/** 0: nothing stale, nothing lost. 1: something was. */
async function run(flags: Flags): Promise<number> {
  const startedAt = performance.now()
  const system = await startSystem({
    ...(flags.provider && { provider: flags.provider }),
    members,
    payments,
    environment: {
      FRESHET_DEMO: 'true',
      ...(flags.breakRule !== undefined && { FRESHET_DEMO_BREAK_RULE: flags.breakRule }),
    },
    onProgress: tell,
  })
  const interrupted = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal))).then(() => {
    throw new InterruptedError()
  })
  interrupted.catch(() => undefined)
  try {
    tell(`everything runs after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    const demo = runDemo(
      system,
      { members, payments, loadMs: 20_000, commitsPerSecond: 300, readsPerSecond: 600, seed: 1 },
      tell,
    )
    const report = await Promise.race([demo, interrupted])
    for (const line of summaryLines(report)) tell(line)
    if (flags.report !== undefined) await writeFile(flags.report, `${JSON.stringify(report, undefined, 2)}\n`)
    if (flags.keep) {
      printAddresses(system)
      await interrupted.catch(() => undefined)
    }
    return report.stale === 0 && report.lost === 0 ? 0 : 1
  } finally {
    await system.stop()
  }
}

class InterruptedError extends Error {
  readonly code = 'INTERRUPTED'
}

function printAddresses({ apis, environment }: System): void {
  tell('')
  for (const { url } of apis) tell(`members-api: ${url} (its documentation at ${url}/docs)`)
  for (const name of ['FRESHET_POSTGRES_URL', 'FRESHET_KAFKA_BROKERS', 'FRESHET_REDIS_URL'])
    tell(`export ${name}=${environment[name] ?? ''}`)
  tell('Ctrl-C stops everything.')
}

try {
  process.exitCode = await run(program.parse().opts<Flags>())
} catch (error) {
  const expected = error instanceof StackStartError || error instanceof ServiceStartError
  if (error instanceof InterruptedError) process.exitCode = 130
  else if (expected) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  } else throw error
}
