export type ServerName = 'postgres' | 'kafka' | 'redis'

/** Signals that `Server.kill` takes: those that end a server, and those that pause it and let it go on. */
export type ServerSignal = 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGSTOP' | 'SIGCONT'

/** One server of a running stack, for tests that make it fail. */
export interface Server {
  readonly name: ServerName
  /** The main process; undefined while it does not run, and for containers. */
  readonly pid: number | undefined
  /** Up to `lines` of what it logged last, the oldest first. */
  logTail(lines: number): string[]
  /**
   * Sends a signal (SIGKILL unless told) to the server, SIGKILL, SIGSTOP and SIGCONT also to its child processes.
   * Resolves once it has ended, or at once for SIGSTOP and SIGCONT. Of a server that does not run: does nothing.
   */
  kill(signal?: ServerSignal): Promise<void>
  /**
   * Starts it again on the same port over the same data (Redis keeps none), or lets a paused one go on; resolves once
   * it accepts. Of a running server: does nothing. Throws StackStartError if it does not come up.
   */
  start(): Promise<void>
}

/** A server with where to reach it, as a provider hands it to the stack. */
export interface Endpoint {
  readonly server: Server
  readonly host: string
  readonly port: number
  /** Where a proxy before it has to lead, if it was told of one. */
  readonly portBehindProxy?: number
}

export type Endpoints = Readonly<Record<ServerName, Endpoint>>
