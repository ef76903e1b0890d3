import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { Accepts } from '../accepts.js'
import { StackStartError } from '../errors.js'
import type { Server, ServerName, ServerSignal } from '../server.js'
import { untilPasses, WaitTimeoutError } from '../waiting.js'
import type { EndSignal, Guard } from './guard.js'
import { childrenOf, isAlive, sendSignal } from './process-tree.js'
import type { Identity } from './program.js'

/** How a server's process is started, asked and ended. */
export interface Launch {
  name: ServerName
  command: string
  args: readonly string[]
  cwd: string
  identity?: Identity | undefined
  logFile: string
  endSignal: EndSignal
  remedy: string
  /** Makes the probe for the process with this id. */
  acceptsAs: (pid: number) => Accepts
}

interface Live {
  child: ChildProcess
  pid: number
  gone: Promise<void>
}

type Mode = { at: 'stopped' } | ({ at: 'running' | 'paused' } & Live)

const startDeadlineMs = 60_000
const endDeadlineMs = 15_000

/**
 * A server that runs as a child of this process, its output in a file of the stack's folder (a pipe would stall the
 * server whenever this process is busy).
 *
 *   stopped --start()--> running --kill('SIGSTOP')--> paused --start() or SIGCONT--> running
 *      ^                    |                           |
 *      +---- its process ends, by kill(), end() or of itself
 */
export class NativeServer implements Server {
  readonly name: ServerName
  readonly #launch: Launch
  readonly #guard: Guard
  readonly #aborted: AbortSignal
  #mode: Mode = { at: 'stopped' }

  constructor(launch: Launch, guard: Guard, aborted: AbortSignal) {
    this.name = launch.name
    this.#launch = launch
    this.#guard = guard
    this.#aborted = aborted
  }

  get pid(): number | undefined {
    return this.#mode.at === 'stopped' ? undefined : this.#mode.pid
  }

  logTail(lines: number): string[] {
    const text = readLog(this.#launch.logFile)
    return text.trimEnd().split('\n').filter(Boolean).slice(-lines)
  }

  async start(): Promise<void> {
    if (this.#mode.at === 'running') return
    if (this.#mode.at === 'paused') await this.#signalAll(this.#mode.pid, 'SIGCONT')
    const live = this.#mode.at === 'paused' ? this.#mode : await this.#spawn()
    this.#mode = { ...live, at: 'running' }
    try {
      await untilPasses(this.#launch.acceptsAs(live.pid), startDeadlineMs, () => this.#failIfOver())
    } catch (error) {
      await this.end()
      throw error instanceof WaitTimeoutError ? this.#startError(error.message, error) : error
    }
  }

  async kill(signal: ServerSignal = 'SIGKILL'): Promise<void> {
    const mode = this.#mode
    if (mode.at === 'stopped') return
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      await this.#signalAll(mode.pid, signal)
      this.#mode = { ...mode, at: signal === 'SIGSTOP' ? 'paused' : 'running' }
      return
    }
    const children = await childrenOf(mode.pid)
    if (signal === 'SIGKILL') [mode.pid, ...children].forEach((pid) => sendSignal(pid, 'SIGKILL'))
    else sendSignal(mode.pid, signal)
    if (mode.at === 'paused') await this.#signalAll(mode.pid, 'SIGCONT')
    await this.#untilGone(mode, children)
  }

  /** Stops it for good, without waiting for its clients: what it holds is about to be removed. */
  async end(): Promise<void> {
    try {
      await this.kill(this.#launch.endSignal)
    } catch (error) {
      if (!(error instanceof WaitTimeoutError)) throw error
      await this.kill('SIGKILL')
    }
  }

  async #spawn(): Promise<Live> {
    const { command, args, cwd, identity, logFile, endSignal, remedy } = this.#launch
    const log = openSync(logFile, 'a')
    try {
      // A session of its own: Ctrl-C in a terminal goes to the services, which drain while their servers still run.
      const child = spawn(command, [...args], { cwd, ...identity, detached: true, stdio: ['ignore', log, log] })
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      const pid = await new Promise<number>((resolve, reject) => {
        child.once('spawn', () => resolve(child.pid ?? 0))
        child.once('error', (cause) => {
          reject(new StackStartError({ server: this.name, reason: `${command} cannot be run`, remedy, cause }))
        })
      })
      this.#guard.watch(pid, endSignal)
      child.once('exit', () => {
        this.#guard.forget(pid)
        if (this.#mode.at !== 'stopped' && this.#mode.pid === pid) this.#mode = { at: 'stopped' }
      })
      return { child, pid, gone }
    } finally {
      closeSync(log)
    }
  }

  async #signalAll(pid: number, signal: NodeJS.Signals): Promise<void> {
    for (const member of [pid, ...(await childrenOf(pid))]) sendSignal(member, signal)
  }

  /** The children too: a Postgres that starts while an old backend lives refuses the shared memory. */
  async #untilGone(live: Live, children: readonly number[]): Promise<void> {
    const checkGone = async () => {
      for (const pid of [live.pid, ...children]) {
        if (await isAlive(pid)) throw new Error(`${this.name}: process ${pid} still runs`)
      }
    }
    await untilPasses(checkGone, endDeadlineMs, () => undefined)
    await live.gone
  }

  #failIfOver(): void {
    this.#aborted.throwIfAborted()
    if (this.#mode.at === 'stopped') throw this.#startError('its process ended')
  }

  #startError(reason: string, cause?: unknown): StackStartError {
    const { remedy } = this.#launch
    return new StackStartError({ server: this.name, reason, remedy, logTail: this.logTail(15), cause })
  }
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // not started yet, or its folder is already removed
  }
}
