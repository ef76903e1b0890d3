// Commands and waiting, for the scripts beside this one.
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'

/** A command ended with another code than 0. */
export class CommandFailedError extends Error {
  code = 'COMMAND_FAILED'

  constructor(commandLine, exitCode, output) {
    super(`\`${commandLine}\` ended with ${exitCode}:\n${output.trimEnd().split('\n').slice(-40).join('\n')}`)
    this.name = 'CommandFailedError'
    this.exitCode = exitCode
  }
}

/**
 * Runs a command and returns what it printed. Its output is shown only when it fails, unless `show` says otherwise.
 *
 * Throws CommandFailedError.
 */
export async function run(command, args, { cwd, env, input, show = false } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  })
  child.stdin.on('error', () => undefined) // it may end without reading
  child.stdin.end(input)
  let output = ''
  let all = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
    all += chunk
  })
  child.stderr?.on('data', (chunk) => (all += chunk))
  const exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  if (exitCode !== 0) throw new CommandFailedError([command, ...args].join(' '), exitCode, all)
  return output
}

export const runs = async (command, args) =>
  run(command, args).then(
    () => true,
    () => false,
  )

/** Resolves with what `attempt` returns once it does not throw. After `withinMs` throws with what it threw last. */
export async function until(what, withinMs, attempt) {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error(`${what} did not come within ${withinMs} ms; seen last: ${error.message}`, { cause: error })
    }
    await pause(50)
  }
}

/** Says what is being done and how long it took. */
export async function step(what, work) {
  const begun = performance.now()
  const result = await work()
  console.log(`${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  return result
}

/** Runs `undo`s in reverse order at the end, however it comes: also on Ctrl-C. */
export async function withCleanUp(work) {
  const undos = []
  let cleaning
  const cleanUp = () =>
    (cleaning ??= (async () => {
      for (const undo of undos.toReversed()) {
        await undo().catch((error) => console.error(`cleaning up: ${error.message}`))
      }
    })())
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void cleanUp().then(() => process.exit(1)))
  try {
    await work((undo) => undos.push(undo))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  } finally {
    await cleanUp()
  }
}
