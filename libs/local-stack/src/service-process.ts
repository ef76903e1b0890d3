import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { untilPasses, WaitTimeoutError } from './waiting.js'

/** How a Node service is started and asked. */
export interface ServiceLaunch {
  /** For messages: `cdc-listener`, `members-api 2`. */
  readonly name: string
  /** The module that node runs. */
  readonly main: string
  readonly args?: readonly string[]
  /** Only these variables and PATH are set. */
  readonly environment: Readonly<Record<string, string>>
  /** Answers 200 once the service is ready: `http://127.0.0.1:8080/health/ready`. */
  readonly readyUrl: string
  /** How long it may take to become ready, in milliseconds; 60,000 by default. */
  readonly readyWithinMs?: number
}

/** A service did not become ready. */
export class ServiceStartError extends Error {
  readonly code = 'FRESHET_SERVICE_START'
  constructor(
    readonly service: string,
    /** Why, in one sentence without its full stop. */
    readonly reason: string,
    /** The last lines that it printed. */
    readonly logTail: readonly string[],
  ) {
    super(`${service} did not start: ${reason}.\nIts last lines:\n${logTail.map((line) => `  ${line}`).join('\n')}`)
    this.name = 'ServiceStartError'
  }
}

type Mode =
  | { readonly at: 'stopped' }
  | { readonly at: 'running' | 'paused'; readonly child: ChildProcess; readonly gone: Promise<void> }

const keptLines = 400
const drainMs = 15_000

/**
 * One Node service as a child of this process.
 *
 *   stopped --start()--> running --kill('SIGSTOP')--> paused --start()--> running
 *      ^                    |                           |
 *      +---- its process ends, by kill(), stop() or of itself
 */
export class ServiceProcess {
  private readonly lines: string[] = []
  private mode: Mode = { at: 'stopped' }

  constructor(private readonly launch: ServiceLaunch) {}

  get name(): string {
    return this.launch.name
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.mode.at === 'stopped' ? undefined : this.mode.child.pid
  }

  /** Up to `count` of the lines that it printed last. */
  logTail(count: number): string[] {
    return this.lines.slice(-count)
  }

  /** Starts it, or lets a paused one go on, and resolves once it is ready. Throws ServiceStartError with its last lines. */
  async start(): Promise<void> {
    this.begin()
    await this.ready()
  }

  /** Starts it without waiting: what it waits for may not be there yet. */
  begin(): void {
    if (this.mode.at === 'running') return
    if (this.mode.at === 'paused') {
      this.mode.child.kill('SIGCONT')
      this.mode = { ...this.mode, at: 'running' }
      return
    }
    const { main, args = [], environment } = this.launch
    const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', main, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const output of [child.stdout, child.stderr]) createInterface(output).on('line', (line) => this.keep(line))
    const gone = once(child, 'exit').then(() => {
      if (this.mode.at !== 'stopped' && this.mode.child === child) this.mode = { at: 'stopped' }
    })
    this.mode = { at: 'running', child, gone }
  }

  /** Resolves once it is ready. Throws ServiceStartError with its last lines. */
  async ready(): Promise<void> {
    const { name, readyUrl, readyWithinMs = 60_000 } = this.launch
    const failIfOver = () => {
      if (this.mode.at === 'stopped') throw new ServiceStartError(name, 'its process ended', this.logTail(20))
    }
    const ask = async () => {
      const response = await fetch(readyUrl, { signal: AbortSignal.timeout(2_000) })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    }
    await untilPasses(ask, readyWithinMs, failIfOver).catch((error: unknown) => {
      throw error instanceof WaitTimeoutError
        ? new ServiceStartError(name, `it is not ready: ${error.message}`, this.logTail(20))
        : error
    })
  }

  /** Sends a signal (SIGKILL unless told); resolves once it has ended, or at once for SIGSTOP. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const mode = this.mode
    if (mode.at === 'stopped') return
    mode.child.kill(signal)
    if (signal === 'SIGSTOP') {
      this.mode = { ...mode, at: 'paused' }
      return
    }
    if (mode.at === 'paused') mode.child.kill('SIGCONT')
    await mode.gone
  }

  /** Lets it drain; after 15 s it is killed. */
  async stop(): Promise<void> {
    if (this.mode.at === 'stopped') return
    const deadline = setTimeout(() => void this.kill('SIGKILL'), drainMs)
    await this.kill('SIGTERM')
    clearTimeout(deadline)
  }

  private keep(line: string): void {
    this.lines.push(line)
    if (this.lines.length > keptLines) this.lines.shift()
  }
}
