import { execFile } from 'node:child_process'
import { StackStartError } from '../errors.js'
import type { ServerName } from '../server.js'

/** A system user that a program runs as; undefined for the one who runs this process. */
export interface Identity {
  uid: number
  gid: number
}

export interface Program {
  /** The server that it prepares. */
  server: ServerName
  /** What is said to be missing or failing: `Maven`, `initdb`. */
  title: string
  command: string
  args: readonly string[]
  cwd: string
  env?: NodeJS.ProcessEnv
  identity?: Identity | undefined
  remedy: string
  signal: AbortSignal
}

/** Runs a program to its end. Throws StackStartError with its last lines if it is missing or fails. */
export async function runProgram(program: Program): Promise<void> {
  const { server, title, command, args, cwd, env, identity, remedy, signal } = program
  await new Promise<void>((resolve, reject) => {
    execFile(
      command,
      [...args],
      { cwd, env: env ?? process.env, ...identity, signal, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resolve()
        if (signal.aborted) return reject(new Error(`${title} was no longer needed`, { cause: error }))
        const reason = error.code === 'ENOENT' ? `${title} was not found (${command})` : `${title} failed`
        const output = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
        reject(new StackStartError({ server, reason, remedy, logTail: output.slice(-15), cause: error }))
      },
    )
  })
}
