import type { Duplex } from 'node:stream'
import { decodeFrame, encodeStatusUpdate, frameType, lsn, walDataHeaderBytes, type Keepalive, type Lsn } from '@freshet/pgoutput'
import pg from 'pg'
import { quoteIdentifier, quoteLiteral } from '../tables/quote.js'
import { BackendFraming, type BackendMessage } from './backend-framing.js'
import { refusalOf, ReplicationLostError } from './errors.js'

export interface ReplicationOptions {
  readonly url: string
  readonly slotName: string
  readonly publications: readonly string[]
  /** Values in their types' binary form where they have one. */
  readonly binary: boolean
  readonly applicationName: string
  /**
   * Takes what came, in order: pgoutput messages, and keepalives, each of which says that everything up to its `walEnd`
   * has been handed over. While the promise is pending nothing is read from the server; messages are views that are valid
   * until it resolves.
   */
  readonly onReceived: (items: readonly (Buffer | Keepalive)[]) => Promise<void>
  /** How often the server hears from this side, in milliseconds; 1,000 by default. */
  readonly statusIntervalMs?: number
}

const message = { copyBoth: 0x57, copyData: 0x64, error: 0x45 } as const

/** Reads this large say that the server has more to send: waiting a little then saves it from many small writes. */
const busyBytes = 16 * 1024
const coalesceMs = 2
const coalesceBytes = 1024 * 1024

type Mode =
  | { readonly at: 'starting'; readonly started: () => void; readonly failed: (error: Error) => void }
  | { readonly at: 'streaming' }
  | { readonly at: 'ended'; readonly error: Error | undefined }

/**
 * One run of START_REPLICATION, read straight from the socket of a connection that pg opened.
 *
 *   starting --CopyBothResponse--> streaming --close(), error, lost connection--> ended(error)
 *
 * Under load it reads 2 ms or 1 MB at once: eager small reads slow the WAL sender itself (docs/decisions). While idle
 * a change is handed over at once. Status goes out on a timer of its own, so that a slow receiver keeps its connection.
 */
export class ReplicationStream {
  private mode: Mode
  private readonly framing = new BackendFraming()
  private readonly socket: Duplex
  private readonly statusTimer: NodeJS.Timeout
  private pending: Buffer[] = []
  private pendingBytes = 0
  private coalescing: NodeJS.Timeout | undefined
  private handing = false
  private acknowledged = lsn(0n)
  private readonly end = Promise.withResolvers<Error | undefined>()

  private constructor(
    private readonly client: pg.Client,
    private readonly options: ReplicationOptions,
    started: () => void,
    failed: (error: Error) => void,
  ) {
    this.mode = { at: 'starting', started, failed }
    this.socket = client.connection.stream
    // pg's own parser would copy each row; from here on the bytes are ours
    this.socket.removeAllListeners('data')
    this.socket.on('data', (chunk: Buffer) => this.take(chunk))
    client.on('error', (error) => this.finish(new ReplicationLostError(options.slotName, error.message, { cause: error })))
    client.on('end', () => this.finish(new ReplicationLostError(options.slotName, 'the server closed the connection')))
    this.statusTimer = setInterval(() => this.sendStatus(false), options.statusIntervalMs ?? 1_000)
  }

  /**
   * Connects and begins where the slot was last acknowledged.
   *
   * Throws ReplicationRefusedError with the server's SQLSTATE (55006: somebody else reads the slot; 42704: there is none;
   * 55000: its log is gone), or the connection's own error.
   */
  static async open(options: ReplicationOptions): Promise<ReplicationStream> {
    const client = new pg.Client({
      connectionString: withReplication(options.url),
      application_name: options.applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    })
    await client.connect()
    return new Promise((resolve, reject) => {
      const stream: ReplicationStream = new ReplicationStream(client, options, () => resolve(stream), reject)
      client.connection.query(startCommand(options))
    })
  }

  /** Resolves when the stream has ended: undefined after `close()`, else why. */
  get ended(): Promise<Error | undefined> {
    return this.end.promise
  }

  /** Tells the server that everything up to here is safe elsewhere. Never goes back. */
  acknowledge(position: Lsn): void {
    if (position <= this.acknowledged) return
    this.acknowledged = position
    this.sendStatus(false)
  }

  /** Asks the server how far it has sent; the answer comes as a keepalive among what is received. */
  requestKeepalive(): void {
    this.sendStatus(true)
  }

  /** Reports the last position and ends the connection. */
  async close(): Promise<void> {
    this.sendStatus(false)
    this.finish(undefined)
    await this.end.promise
  }

  private take(chunk: Buffer): void {
    this.pending.push(chunk)
    this.pendingBytes += chunk.length
    if (this.handing || this.coalescing) {
      this.socket.pause()
      return
    }
    if (chunk.length >= busyBytes && this.pendingBytes < coalesceBytes) {
      this.socket.pause() // the kernel collects meanwhile
      this.coalescing = setTimeout(() => {
        this.coalescing = undefined
        void this.handOver()
      }, coalesceMs)
      return
    }
    void this.handOver()
  }

  private async handOver(): Promise<void> {
    this.handing = true
    try {
      while (this.pending.length > 0 && this.mode.at !== 'ended') {
        const chunks = this.pending
        this.pending = []
        this.pendingBytes = 0
        const items = this.framing.push(chunks).flatMap((received) => this.read(received))
        if (items.length > 0) await this.options.onReceived(items)
      }
      this.handing = false
      this.socket.resume()
    } catch (error) {
      this.finish(error instanceof Error ? error : new Error(String(error)))
    }
  }

  private read({ type, body }: BackendMessage): (Buffer | Keepalive)[] {
    if (type === message.copyData) {
      if (body[0] === frameType.walData) return [body.subarray(walDataHeaderBytes)]
      const frame = decodeFrame(body)
      if (frame.kind !== 'keepalive') return []
      if (frame.replyRequested) this.sendStatus(false)
      return [frame]
    }
    if (type === message.copyBoth && this.mode.at === 'starting') {
      const { started } = this.mode
      this.mode = { at: 'streaming' }
      started()
    }
    if (type === message.error) this.finish(refusalOf(this.options.slotName, body))
    return [] // notices and parameter changes say nothing about the stream
  }

  private sendStatus(replyRequested: boolean): void {
    if (this.mode.at !== 'streaming' || !this.socket.writable) return
    const position = this.acknowledged
    const status = encodeStatusUpdate({ written: position, flushed: position, applied: position, at: Date.now(), replyRequested })
    const head = Buffer.alloc(5)
    head.writeUInt8(message.copyData, 0)
    head.writeUInt32BE(status.length + 4, 1)
    this.socket.write(Buffer.concat([head, status]))
  }

  private finish(error: Error | undefined): void {
    if (this.mode.at === 'ended') return
    const { mode } = this
    this.mode = { at: 'ended', error }
    clearInterval(this.statusTimer)
    clearTimeout(this.coalescing)
    if (mode.at === 'starting') mode.failed(error ?? new ReplicationLostError(this.options.slotName, 'it was closed before it began'))
    this.socket.end(() => this.socket.destroy())
    this.socket.resume()
    this.end.resolve(error)
  }
}

function withReplication(url: string): string {
  const parsed = new URL(url)
  parsed.searchParams.set('replication', 'database')
  return parsed.href
}

function startCommand({ slotName, publications, binary }: ReplicationOptions): string {
  const names = quoteLiteral(publications.map(quoteIdentifier).join(','))
  const options = ["proto_version '1'", `publication_names ${names}`, "messages 'true'", ...(binary ? ["binary 'true'"] : [])]
  return `START_REPLICATION SLOT ${quoteIdentifier(slotName)} LOGICAL 0/0 (${options.join(', ')})`
}
