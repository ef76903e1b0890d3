import { ConfigurationError } from '../configuration/configuration-error.js'
import type { Variable } from '../configuration/variable.js'
import type { RunningService, Service } from './service.js'
import { startService } from './start-service.js'

/** What a service has between SIGTERM and the end of its process. */
const drainMs = 10_000

/**
 * Runs a service as this process: reads the environment, starts, drains on SIGTERM and SIGINT within 10 s.
 *
 * Exit codes: 0 after draining; 78 when the environment has faults (all are printed); 1 for everything else, with the
 * reason in the log: a failed start, a drain that took too long, an error that nobody handled.
 */
export async function runService<V extends Readonly<Record<string, Variable<unknown>>>>(
  service: Service<V>,
): Promise<void> {
  let running: RunningService | undefined
  const fail = (what: string) => (error: unknown) => {
    if (running) running.log.fatal({ err: error }, what)
    else print(`${service.name}: ${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    process.exit(1)
  }
  process.on('uncaughtException', fail('an error that nobody handled'))
  process.on('unhandledRejection', fail('a rejection that nobody handled'))

  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    const deadline = setTimeout(() => fail('draining took too long')(new Error(`more than ${drainMs} ms`)), drainMs)
    deadline.unref()
    running?.log.info({ signal }, 'draining')
    starting
      .then(
        async () => {
          await running?.close()
          running?.log.info('stopped')
          process.exit(0)
        },
        () => undefined, // the start has failed, and said so
      )
      .catch(fail('draining failed'))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  const starting = startService(service, { environment: process.env }).then((started) => {
    running = started
  })
  try {
    await starting
  } catch (error) {
    if (!(error instanceof ConfigurationError)) return fail('could not start')(error)
    print(`${service.name} cannot start: ${error.message}`)
    process.exit(error.exitCode)
  }
}

const print = (text: string): void => void process.stderr.write(`${text}\n`)
