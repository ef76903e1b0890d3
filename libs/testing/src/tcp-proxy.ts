import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

type Mode =
  { readonly at: 'passing'; readonly latencyMs: number } | { readonly at: 'silent' } | { readonly at: 'refusing' }

interface Hold {
  readonly text: string
  readonly reached: () => void
  readonly released: Promise<void>
}

/**
 * A place between a client and its server where the network can fail.
 *
 *   passing, with a latency --fall silent--> silent: connections stay open, and nothing passes on them any more, also later
 *   passing --cut--> every connection is closed; new ones pass
 *   refusing: new connections are closed at once
 */
export class TcpProxy {
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #mode: Mode = { at: 'passing', latencyMs: 0 }
  #hold: Hold | undefined

  private constructor(
    private readonly server: Server,
    private target: URL,
  ) {}

  static async before(url: string): Promise<TcpProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new TcpProxy(server, new URL(url))
    server.on('connection', (client) => proxy.#join(client))
    return proxy
  }

  /** For a server that has to know of this place when it starts: nothing passes until `leadTo`. */
  static async ahead(): Promise<TcpProxy> {
    const proxy = await TcpProxy.before('tcp://127.0.0.1')
    proxy.refuse()
    return proxy
  }

  /** The target's URL with this place as its host. */
  get url(): string {
    const url = new URL(this.target)
    url.hostname = '127.0.0.1'
    url.port = String((this.server.address() as AddressInfo).port)
    return url.href.replace(/\/$/, '')
  }

  /** `host:port` of this place. */
  get authority(): string {
    return new URL(this.url).host
  }

  pass(latencyMs = 0): void {
    this.#mode = { at: 'passing', latencyMs }
  }

  /** Half-open: both sides believe in their connections, and nothing arrives. */
  fallSilent(): void {
    this.#mode = { at: 'silent' }
  }

  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  /** Cuts everything, and lets nothing in until `pass`. */
  refuse(): void {
    this.#mode = { at: 'refusing' }
    this.cut()
  }

  /** Holds what the next client sends that carries this text, and all behind it on its connection. */
  holdNext(text: string): { readonly reached: Promise<void>; readonly release: () => void } {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#hold = { text, reached: reached.resolve, released: released.promise }
    return {
      reached: reached.promise,
      release: () => {
        this.#hold = undefined
        released.resolve()
      },
    }
  }

  /** New connections go to another server. */
  leadTo(url: string): void {
    this.target = new URL(url)
    this.pass()
    this.cut()
  }

  async close(): Promise<void> {
    this.refuse()
    this.server.close()
    await once(this.server, 'close')
  }

  #join(client: Socket): void {
    if (this.#mode.at === 'refusing') return void client.destroy()
    const server = connect(Number(this.target.port), this.target.hostname)
    const pair = [client, server] as const
    this.#pairs.add(pair)
    let isDead = false
    for (const [from, to] of [pair, [server, client]] as const) {
      from.setNoDelay(true)
      from.on('error', () => undefined)
      let before = Promise.resolve()
      from.on('data', (chunk: Buffer) => {
        const mode = this.#mode
        if (mode.at === 'silent') isDead = true
        if (isDead) return // as on a path that has gone: what was lost does not come, and so nothing behind it
        const due = mode.at === 'passing' && mode.latencyMs > 0 ? delay(mode.latencyMs) : undefined
        before = before
          .then(() => due)
          .then(() => (from === client ? this.#passHold(chunk) : undefined))
          .then(() => void (to.writable && to.write(chunk)))
      })
      from.on('close', () => {
        this.#pairs.delete(pair)
        void before.then(() => to.destroySoon()) // what was sent arrives, also when its sender is gone meanwhile
      })
    }
  }

  async #passHold(chunk: Buffer): Promise<void> {
    const hold = this.#hold
    if (!hold || !chunk.includes(hold.text)) return
    hold.reached()
    await hold.released
  }
}
