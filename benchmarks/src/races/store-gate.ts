import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Hold {
  readonly mark: string
  readonly reached: () => void
  readonly released: Promise<void>
}

/** A place in front of Redis where a command can be held on its way. */
export class StoreGate {
  readonly #sockets = new Set<Socket>()
  #hold: Hold | undefined

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(redisUrl: string): Promise<StoreGate> {
    const { hostname, port } = new URL(redisUrl)
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const gate = new StoreGate(server, `redis://127.0.0.1:${(server.address() as AddressInfo).port}`)
    server.on('connection', (client) => gate.#join(client, connect(Number(port), hostname)))
    return gate
  }

  /** Holds the next command that carries this text, and all behind it on its connection. */
  holdNext(mark: string): { readonly reached: Promise<void>; readonly release: () => void } {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#hold = { mark, reached: reached.resolve, released: released.promise }
    return {
      reached: reached.promise,
      release: () => {
        this.#hold = undefined
        released.resolve()
      },
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  #join(client: Socket, redis: Socket): void {
    for (const socket of [client, redis]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#sockets.delete(socket))
    }
    redis.pipe(client)
    let before = Promise.resolve()
    client.on('data', (chunk: Buffer) => {
      // what was sent arrives, also when its sender is gone meanwhile
      before = before.then(() => this.#pass(chunk)).then(() => void redis.write(chunk))
    })
    client.on('close', () => void before.then(() => redis.end()))
  }

  async #pass(chunk: Buffer): Promise<void> {
    const hold = this.#hold
    if (!hold?.mark || !chunk.includes(hold.mark)) return
    hold.reached()
    await hold.released
  }
}
