import { Redis } from 'ioredis'
import type { Lineage } from '@freshet/coherence'
import { parseLineage } from './lineage.js'
import type { RedisHealth, RedisOptions } from './port.js'
import { scripts, type Script } from './scripts.js'

export type Command = readonly [name: string, ...parameters: (string | number | Buffer)[]]

/** A call of a one-key script. */
export const call = (script: Script, key: string, ...parameters: string[]): Command => [
  'evalsha',
  script.sha,
  1,
  key,
  ...parameters,
]

type Mode =
  | { readonly name: 'connecting'; readonly reason: string }
  | { readonly name: 'connected'; readonly number: number }
  | { readonly name: 'closed' }

const LONGEST_PAUSE_MS = 2_000

/**
 * One connection after another to one server.
 *
 *   connecting --ready--> connected(number) --lost, or no reply in time--> connecting, with backoff
 *   closed from any, by close()
 *
 * Invariant: what is sent under a number reaches that connection or none (R13): nothing is queued while there is none, and
 * nothing is sent again.
 */
export class Connection {
  readonly redis: Redis
  private mode: Mode = { name: 'connecting', reason: 'not connected yet' }
  private connections = 0
  private readonly readyListeners = new Set<() => void>()
  private named: { readonly number: number; readonly lineage: Lineage } | undefined

  constructor(options: Pick<RedisOptions, 'url' | 'role' | 'replyTimeoutMs' | 'onError'> & { onLost?: () => void }) {
    const replyTimeoutMs = options.replyTimeoutMs ?? (options.role === 'service' ? 5_000 : 1_000)
    this.redis = new Redis(options.url, {
      connectionName: `freshet-${options.role}`,
      connectTimeout: replyTimeoutMs,
      socketTimeout: replyTimeoutMs, // cuts a half-open connection, with all that waits on it
      enableOfflineQueue: false, // R13; and readers fail at once
      autoResendUnfulfilledCommands: false, // R13
      enableAutoPipelining: true, // reads of one turn in one write: 40 % more of them with 64 in flight
      maxRetriesPerRequest: 0, // without it ioredis never settles what was under way when a connection ends
      reconnectOnError: (error) => error.message.startsWith('READONLY'), // a master that became a replica
      retryStrategy: (attempt) => Math.random() * Math.min(LONGEST_PAUSE_MS, 50 * 2 ** Math.min(attempt, 10)),
    })
    this.redis.on('ready', () => {
      this.mode = { name: 'connected', number: ++this.connections }
      void this.learnLineage()
      for (const listener of this.readyListeners) listener()
    })
    this.redis.on('error', (error: Error) => {
      if (this.mode.name === 'connecting') this.mode = { name: 'connecting', reason: error.message }
      options.onError?.(error)
    })
    this.redis.on('close', () => {
      if (this.mode.name === 'connected') this.mode = { name: 'connecting', reason: 'the connection was lost' }
      options.onLost?.()
    })
  }

  /** The number of the connection that stands, undefined while none does. */
  get number(): number | undefined {
    return this.mode.name === 'connected' ? this.mode.number : undefined
  }

  /** Which history the Redis holds that this number reaches; undefined until it has said so, and of one that is over. */
  lineageOf(number: number | undefined): Lineage | undefined {
    return this.named !== undefined && number === this.named.number ? this.named.lineage : undefined
  }

  /** Asks it again: a master that lost its part and won it back holds another history, on the same connection. */
  async learnLineage(): Promise<void> {
    const { number } = this
    if (number === undefined) return
    const info = await this.redis.info('replication').catch(() => '') // not every host allows it
    const lineage = parseLineage(info)
    if (number === this.number) this.named = lineage && { number, lineage }
  }

  health(): RedisHealth {
    switch (this.mode.name) {
      case 'connected':
        return { state: 'connected' }
      case 'connecting':
        return { state: 'disconnected', reason: this.mode.reason }
      case 'closed':
        return { state: 'disconnected', reason: 'closed' }
    }
  }

  onReady(listener: () => void): () => void {
    this.readyListeners.add(listener)
    return () => this.readyListeners.delete(listener)
  }

  /**
   * Sends commands in one write on the connection of this number (any, if undefined) and resolves with all replies. Scripts
   * that the server does not know are loaded, and the whole is sent once more: only what may be repeated goes through here.
   *
   * Throws when a reply is an error, or when the connection is not, or no longer, the one asked for.
   */
  async pipeline(commands: readonly Command[], number = this.number): Promise<unknown[]> {
    if (commands.length === 0) return []
    const replies = await this.send(commands, number)
    if (!replies.some(([error]) => error?.message.startsWith('NOSCRIPT'))) return replies.map(unwrap)
    const loads = await this.send(
      scripts.map(({ source }): Command => ['script', 'LOAD', source]),
      number,
    )
    loads.forEach(unwrap)
    return (await this.send(commands, number)).map(unwrap)
  }

  close(): void {
    this.mode = { name: 'closed' }
    this.redis.disconnect()
  }

  private async send(commands: readonly Command[], number: number | undefined): Promise<[Error | null, unknown][]> {
    if (number === undefined || number !== this.number) throw new Error(this.absence())
    const replies = await this.redis.pipeline(commands.map((command) => [...command])).exec()
    if (replies === null) throw new Error('the pipeline was discarded')
    return replies
  }

  private absence(): string {
    const health = this.health()
    return health.state === 'connected' ? 'another connection took its place' : health.reason
  }
}

function unwrap([error, reply]: [Error | null, unknown]): unknown {
  if (error) throw error
  return reply
}
