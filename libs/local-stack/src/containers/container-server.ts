import type { Readable } from 'node:stream'
import { GenericContainer, type ContainerRuntimeClient, type WaitStrategy } from 'testcontainers'
import type { Accepts } from '../accepts.js'
import { StackStartError } from '../errors.js'
import type { Server, ServerName, ServerSignal } from '../server.js'
import { untilPasses, WaitTimeoutError } from '../waiting.js'

/** What a server's container is made of. */
export interface ContainerSpec {
  name: ServerName
  image: string
  /** Where the server listens inside. */
  containerPort: number
  /** Where it is reached from outside: fixed, so that a restart keeps it. */
  port: number
  command: string[]
  environment?: Record<string, string>
  /** Text files by their path inside. */
  files?: Readonly<Record<string, string>>
  accepts: Accepts
}

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>

const startDeadlineMs = 60_000
const remedy = "Look at its log with `docker logs`, or use the provider 'native'."

/** A server in a container. Whether it runs is the engine's knowledge, and asked of it each time. */
export class ContainerServer implements Server {
  readonly name: ServerName
  readonly pid = undefined
  readonly #engine: ContainerRuntimeClient
  readonly #spec: ContainerSpec
  readonly #aborted: AbortSignal
  readonly #log: string[] = []
  #container: Container | undefined

  constructor(engine: ContainerRuntimeClient, spec: ContainerSpec, aborted: AbortSignal) {
    this.name = spec.name
    this.#engine = engine
    this.#spec = spec
    this.#aborted = aborted
  }

  /** Makes the container and waits until the server accepts. Throws StackStartError, and removes it then. */
  async create(): Promise<void> {
    try {
      await new SpecifiedContainer(this.#spec, (id) => (this.#container = this.#engine.container.getById(id)))
        .withLogConsumer((stream) => this.#collect(stream))
        .withWaitStrategy(new AcceptsStrategy(async () => this.#untilAccepts()))
        .start()
    } catch (cause) {
      await this.remove()
      throw cause instanceof StackStartError ? cause : this.#startError(messageOf(cause), cause)
    }
  }

  logTail(lines: number): string[] {
    return this.#log.slice(-lines)
  }

  async start(): Promise<void> {
    const container = this.#existing()
    const { Running, Paused } = (await container.inspect()).State
    if (Paused) await container.unpause()
    if (!Running) {
      const since = Math.floor(Date.now() / 1000)
      await container.start()
      this.#collect(await this.#engine.container.logs(container, { since }))
    }
    await this.#untilAccepts()
  }

  async kill(signal: ServerSignal = 'SIGKILL'): Promise<void> {
    const container = this.#existing()
    const { Running, Paused } = (await container.inspect()).State
    if (!Running) return
    if (signal === 'SIGSTOP') return Paused ? undefined : void (await container.pause())
    if (Paused) await container.unpause() // the engine signals no paused container
    if (signal === 'SIGCONT') return
    const ended: Promise<unknown> = container.wait()
    await container.kill({ signal })
    await ended
  }

  async remove(): Promise<void> {
    const container = this.#container
    this.#container = undefined
    await container?.remove({ force: true, v: true })
  }

  #existing(): Container {
    if (this.#container === undefined)
      throw new Error(`The container of ${this.name} is removed: its stack was stopped.`)
    return this.#container
  }

  async #untilAccepts(): Promise<void> {
    try {
      await untilPasses(this.#spec.accepts, startDeadlineMs, async () => this.#failIfOver())
    } catch (error) {
      throw error instanceof WaitTimeoutError ? this.#startError(error.message, error) : error
    }
  }

  async #failIfOver(): Promise<void> {
    this.#aborted.throwIfAborted()
    const { Running, ExitCode } = (await this.#existing().inspect()).State
    if (!Running) throw this.#startError(`its container ended with exit code ${ExitCode}`)
  }

  #collect(stream: Readable): void {
    stream.on('data', (chunk: Buffer | string) => {
      this.#log.push(...chunk.toString().trimEnd().split('\n'))
      this.#log.splice(0, this.#log.length - 500)
    })
    stream.on('error', () => undefined) // the log ends with the container, however it ends
  }

  #startError(reason: string, cause?: unknown): StackStartError {
    return new StackStartError({ server: this.name, reason, remedy, logTail: this.logTail(15), cause })
  }
}

/** Tells its id as soon as it exists, so that it is removed also when its start fails. */
class SpecifiedContainer extends GenericContainer {
  readonly #onCreated: (id: string) => void

  constructor(spec: ContainerSpec, onCreated: (id: string) => void) {
    super(spec.image)
    this.#onCreated = onCreated
    this.withExposedPorts({ container: spec.containerPort, host: spec.port })
      .withCommand(spec.command)
      .withEnvironment(spec.environment ?? {})
      .withCopyContentToContainer(
        Object.entries(spec.files ?? {}).map(([target, content]) => ({ target, content, mode: 0o644 })),
      )
      .withSharedMemorySize(256 * 1024 * 1024) // Postgres' parallel queries; the engine's own 64 MB do not suffice
  }

  protected override async containerCreated(id: string): Promise<void> {
    this.#onCreated(id)
  }
}

/** Readiness as the clients see it, in place of testcontainers' probing of ports from inside. */
class AcceptsStrategy implements WaitStrategy {
  readonly waitUntilReady: () => Promise<void>

  constructor(waitUntilReady: () => Promise<void>) {
    this.waitUntilReady = waitUntilReady
  }

  withStartupTimeout(): this {
    return this
  }

  isStartupTimeoutSet(): boolean {
    return true
  }

  getStartupTimeout(): number {
    return startDeadlineMs
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
}
