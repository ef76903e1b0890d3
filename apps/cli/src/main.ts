import { ConfigurationError, type Environment } from '@freshet/service-kit'
import { CommanderError } from 'commander'
import { freshetProgram } from './program.js'
import { processTerminal, type Terminal } from './terminal.js'

/**
 * Runs one command line (without `node` and the script) and returns the exit code: 0 for success, 1 for a failure that
 * was printed, 78 when the environment has faults. `start` returns while its service goes on running.
 */
export async function main(
  argv: readonly string[],
  environment: Environment,
  terminal: Terminal = processTerminal,
): Promise<number> {
  const { program, exitCode } = freshetProgram(terminal, environment)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode()
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode // it has said what is wrong
    terminal.note(explanation(error))
    return error instanceof ConfigurationError ? error.exitCode : 1
  }
}

/** What Freshet, Postgres and the system throw on purpose has a code and says enough; of all else the stack is wanted. */
function explanation(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isExpected = 'code' in error && typeof error.code === 'string' && !error.code.startsWith('ERR_')
  return isExpected && error.message !== '' ? error.message : (error.stack ?? error.message)
}
