import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Numbers of Kafka's requests. */
export const apiKeys = { joinGroup: 11, syncGroup: 14 } as const

/** A way to a broker on which the answer to one request can be lost: the broker has acted on it, and its client never hears. */
export class LossyWay {
  #awaited: number | undefined
  #lost = 0

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {}

  static async to(authority: string): Promise<LossyWay> {
    const { hostname: host, port } = new URL(`tcp://${authority}`)
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const way = new LossyWay(server, { host, port: Number(port) })
    server.on('connection', (client) => way.#join(client))
    return way
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** How many answers were lost. */
  get lost(): number {
    return this.#lost
  }

  /** The connection on which the next request of this kind comes is cut when its answer does. */
  loseNextAnswer(apiKey: number): void {
    this.#awaited = apiKey
  }

  close(): void {
    this.server.close()
  }

  #join(client: Socket): void {
    const broker = connect(this.target)
    let correlationId: number | undefined
    const toBroker = new Frames((frame) => {
      if (frame.readInt16BE(4) === this.#awaited) {
        this.#awaited = undefined
        correlationId = frame.readInt32BE(8)
      }
      broker.write(frame)
    })
    const toClient = new Frames((frame) => {
      if (frame.readInt32BE(4) !== correlationId) return void client.write(frame)
      this.#lost += 1
      client.destroy()
      broker.destroy()
    })
    client.on('data', (bytes) => toBroker.push(bytes))
    broker.on('data', (bytes) => toClient.push(bytes))
    client.on('error', () => broker.destroy()).on('close', () => broker.destroy())
    broker.on('error', () => client.destroy()).on('close', () => client.destroy())
  }
}

/** Kafka's frames: a length of four bytes, then so many. */
class Frames {
  #pending = Buffer.alloc(0)

  constructor(private readonly onFrame: (frame: Buffer) => void) {}

  push(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes])
    while (this.#pending.length >= 4) {
      const end = 4 + this.#pending.readInt32BE(0)
      if (this.#pending.length < end) return
      const frame = this.#pending.subarray(0, end)
      this.#pending = this.#pending.subarray(end)
      this.onFrame(frame)
    }
  }
}
