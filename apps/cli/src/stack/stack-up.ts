import { once } from 'node:events'
import { stackEnvironment, startStack, type ProviderName } from '@freshet/local-stack'
import type { Terminal } from '../terminal.js'

/** Starts the local stack, prints the variables for other shells, and keeps it until the process is told to end. */
export async function stackUp(
  terminal: Terminal,
  options: { readonly provider: 'auto' | ProviderName },
): Promise<void> {
  const stack = await startStack({ provider: options.provider, onProgress: (line) => terminal.note(line) })
  try {
    terminal.note(`Postgres, Kafka and Redis run (${stack.provider}). For other shells:`)
    for (const [name, value] of Object.entries(stackEnvironment(stack))) terminal.print(`export ${name}=${value}`)
    terminal.note('Ctrl-C stops them and removes their data.')
    await Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)))
  } finally {
    await stack.stop()
  }
}
