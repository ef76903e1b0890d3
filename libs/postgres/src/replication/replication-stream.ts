import type { Duplex } from 'node:stream'
import {
  decodeFrame,
  encodeStatusUpdate,
  frameType,
  lsn,
  walDataHeaderBytes,
  type Keepalive,
  type Lsn,
} from '@freshet/pgoutput'
import type pg from 'pg'
import { BackendFraming, type BackendMessage } from './backend-framing.js'
import { refusalOf, ReplicationLostError } from './errors.js'
import { connectForReplication, startCommand } from './start-replication.js'

/** What comes out of a stream: a pgoutput message, or the server's sign of life. */
export type Received = Buffer | Keepalive

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
   * until it resolves. An error that it throws ends the stream with it.
   */
  readonly onReceived: (items: readonly Received[]) => Promise<void>
  /** How often the server hears from this side, in milliseconds; 1,000 by default. */
  readonly statusIntervalMs?: number
  /** A server that says nothing for this long, though asked, is taken for dead; in milliseconds, 30,000 by default. */
  readonly silenceMs?: number
}

const message = { copyBoth: 0x57, copyData: 0x64, copyDone: 0x63, error: 0x45, terminate: 0x58 } as const

/** As much as this within so many milliseconds says that the server has more to send: waiting saves it from many small writes. */
const busyBytes = 16 * 1024
const busyWindowMs = 4
/** How long the kernel may collect, counted from the last read, and how little of it says that the server is idle again. */
const coalesceMs = 2
const idleBytes = 2 * 1024
const coalesceBytes = 512 * 1024
/** For the server to take note of a good-bye. */
const partingMs = 2_000

type Mode =
  | { readonly at: 'starting'; readonly started: () => void; readonly failed: (error: Error) => void }
  | { readonly at: 'streaming' }
  | { readonly at: 'ended' }

/**
 * One run of START_REPLICATION, read straight from the socket of a connection that pg opened.
 *
 *   starting --CopyBothResponse--> streaming --close(), error, lost connection, silence--> ended
 *
 * While streaming, bytes are read `eagerly` (idle: a change is handed over at once), or, once many come, after
 * `collecting` what the kernel gathers in 2 ms, up to 512 KB: eager small reads slow the WAL sender itself (DESIGN 8).
 * While something is being `handed` over nothing is read; status goes out on a timer of its own, so that a slow receiver
 * keeps its connection.
 */
export class ReplicationStream {
  private mode: Mode
  private reading: 'eagerly' | 'collecting' | 'handed' = 'eagerly'
  private readonly framing = new BackendFraming()
  private readonly socket: Duplex
  private readonly statusTimer: NodeJS.Timeout
  private collectTimer: NodeJS.Timeout | undefined
  private pending: Buffer[] = []
  private pendingBytes = 0
  private windowBytes = 0
  private windowStartedAt = 0
  private lastHeardAt = performance.now()
  private acknowledged = lsn(0n)
  private readonly end = Promise.withResolvers<Error | undefined>()

  private constructor(
    client: pg.Client,
    private readonly options: ReplicationOptions,
    started: () => void,
    failed: (error: Error) => void,
  ) {
    this.mode = { at: 'starting', started, failed }
    this.socket = client.connection.stream
    // pg's own parser would copy each row; from here on the bytes are ours
    this.socket.removeAllListeners('data')
    this.socket.on('data', (chunk: Buffer) => this.take(chunk))
    client.on('error', (error) => this.lose(error.message, { cause: error }))
    client.on('end', () => this.lose('the server closed the connection'))
    this.statusTimer = setInterval(() => this.tick(), options.statusIntervalMs ?? 1_000)
  }

  /**
   * Connects and begins where the slot was last acknowledged.
   *
   * Throws ReplicationRefusedError with the server's SQLSTATE (55006: somebody else reads the slot; 42704: there is none;
   * 55000: its log is gone), or the connection's own error.
   */
  static async open(options: ReplicationOptions): Promise<ReplicationStream> {
    const client = await connectForReplication(options)
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

  /** Reports the last position and says good-bye. Once it resolves the server has let go of the slot, or 2 s have passed. */
  async close(): Promise<void> {
    if (this.mode.at === 'streaming') {
      this.sendStatus(false)
      this.write(message.copyDone)
      this.write(message.terminate)
    }
    const parted = new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, partingMs)
      this.socket.once('close', () => {
        clearTimeout(deadline)
        resolve()
      })
    })
    const hasEnded = this.socket.destroyed
    this.finish(undefined, 'politely')
    if (!hasEnded) await parted
    this.socket.destroy()
  }

  private take(chunk: Buffer): void {
    this.lastHeardAt = performance.now()
    if (this.mode.at === 'ended') return // what still comes is read again by the next run
    this.pending.push(chunk)
    this.pendingBytes += chunk.length
    if (this.reading === 'handed') this.socket.pause()
    else if (this.reading === 'collecting') {
      if (this.pendingBytes >= coalesceBytes) this.socket.pause()
    } else if (this.isBusy(chunk)) this.collect(coalesceMs)
    else void this.handOver()
  }

  private isBusy(chunk: Buffer): boolean {
    if (this.lastHeardAt - this.windowStartedAt > busyWindowMs) {
      this.windowStartedAt = this.lastHeardAt
      this.windowBytes = 0
    }
    this.windowBytes += chunk.length
    return this.windowBytes >= busyBytes
  }

  /** Lets the kernel gather for a while, then reads what is there: all that one turn of the event loop brings. */
  private collect(waitMs: number): void {
    this.reading = 'collecting'
    this.socket.pause()
    this.collectTimer = setTimeout(() => {
      this.socket.resume()
      setImmediate(() => void this.handOver())
    }, waitMs)
  }

  private async handOver(): Promise<void> {
    const startedAt = performance.now()
    const bytes = this.pendingBytes
    this.reading = 'handed'
    try {
      while (this.pending.length > 0 && this.mode.at !== 'ended') {
        const chunks = this.pending
        this.pending = []
        this.pendingBytes = 0
        const items: Received[] = []
        for (const received of this.framing.push(chunks)) this.read(received, items)
        if (items.length > 0) await this.options.onReceived(items)
      }
    } catch (error) {
      return this.finish(error instanceof Error ? error : new Error(String(error)), 'at once')
    }
    if (this.mode.at === 'ended') return
    if (this.windowBytes >= busyBytes) {
      if (bytes >= idleBytes) return this.collect(Math.max(0, coalesceMs - (performance.now() - startedAt)))
      this.windowBytes = 0
    }
    this.reading = 'eagerly'
    this.socket.resume()
  }

  private read({ type, body }: BackendMessage, items: Received[]): void {
    if (type === message.copyData) {
      if (body[0] === frameType.walData) {
        items.push(body.subarray(walDataHeaderBytes))
        return
      }
      const frame = decodeFrame(body)
      if (frame.kind !== 'keepalive') return
      if (frame.replyRequested) this.sendStatus(false)
      items.push(frame)
    } else if (type === message.copyBoth && this.mode.at === 'starting') {
      const { started } = this.mode
      this.mode = { at: 'streaming' }
      started()
    } else if (type === message.error) this.finish(refusalOf(this.options.slotName, body), 'at once')
    // notices and parameter changes say nothing about the stream
  }

  private tick(): void {
    const silentMs = this.reading === 'handed' ? 0 : performance.now() - this.lastHeardAt
    const limitMs = this.options.silenceMs ?? 30_000
    if (silentMs > limitMs) this.lose(`the server has said nothing for ${Math.round(silentMs)} ms`)
    else this.sendStatus(silentMs > limitMs / 3)
  }

  private sendStatus(replyRequested: boolean): void {
    if (this.mode.at !== 'streaming') return
    const position = this.acknowledged
    const status = { written: position, flushed: position, applied: position, at: Date.now(), replyRequested }
    this.write(message.copyData, encodeStatusUpdate(status))
  }

  private write(type: number, body: Buffer = Buffer.alloc(0)): void {
    if (!this.socket.writable) return
    const head = Buffer.alloc(5)
    head.writeUInt8(type, 0)
    head.writeUInt32BE(body.length + 4, 1)
    this.socket.write(Buffer.concat([head, body]))
  }

  private lose(reason: string, options?: ErrorOptions): void {
    this.finish(new ReplicationLostError(this.options.slotName, reason, options), 'at once')
  }

  private finish(error: Error | undefined, how: 'politely' | 'at once'): void {
    if (this.mode.at === 'ended') return
    const { mode } = this
    this.mode = { at: 'ended' }
    clearInterval(this.statusTimer)
    clearTimeout(this.collectTimer)
    if (mode.at === 'starting') mode.failed(error ?? new ReplicationLostError(this.options.slotName, 'it was closed'))
    if (how === 'at once') this.socket.destroy()
    else this.socket.resume().end() // bytes that are never read would turn the good-bye into a reset
    this.end.resolve(error)
  }
}
