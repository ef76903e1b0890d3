import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { ClusterAddress } from './address.js'
import { ClusterTopology, slotsOfPlaces, type SlotRange } from './cluster-topology.js'
import { Connection } from './connection.js'
import type { Keys, Place } from './keys.js'
import type { RedisOptions } from './port.js'
import type { Nodes, Topology } from './topology.js'

const REFRESH_MS = 5_000
/** While something is missing; half to all of it, so that many processes do not ask at once. */
const RETRY_MS = 200
const ASK_TIMEOUT_MS = 1_000

/** What a node answers whose slot lies, or is about to lie, elsewhere, and one that holds another history than it did. */
const elsewhere = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|READONLY|LINEAGE) /

/**
 * The masters of a Redis Cluster, each over a plain connection of its own: nothing is queued, sent again or redirected (R13).
 *
 *   looking --a map of the slots, and its masters connected--> whole --an error, a lost connection--> looking
 *   while whole it looks every 5 s; closed from any, by close()
 *
 * The last map stays in use meanwhile, so that the masters that are there can be read.
 */
export class ClusterNodes implements Nodes {
  private present: ClusterTopology
  private readonly slots: ReadonlyMap<Place, number>
  private readonly connections = new Map<string, Connection>()
  /** Every node that was ever heard of: whom to ask when no master is connected. */
  private known: ReadonlySet<string>
  private readonly listeners = new Set<() => void>()
  private reason = 'not connected yet'
  private nudged = new AbortController()
  private isClosed = false

  constructor(
    private readonly address: ClusterAddress,
    keys: Keys,
    private readonly options: Pick<RedisOptions, 'role' | 'replyTimeoutMs' | 'onError'>,
  ) {
    this.slots = slotsOfPlaces(keys)
    this.known = new Set(address.nodes)
    this.present = new ClusterTopology([], this.slots, this.connectionTo)
    void this.keepLooking()
  }

  get topology(): Topology {
    return this.present
  }

  get absence(): string | undefined {
    if (this.isClosed) return 'closed'
    if (this.present.isWhole) return undefined
    const away = [...this.connections].flatMap(([address, connection]) => {
      const health = connection.health()
      return health.state === 'connected' ? [] : [`${address}: ${health.reason}`]
    })
    if (away.length > 0) return away.join('; ')
    const { lost } = this.present
    return lost.length > 0 && this.present.masters.length > 0 ? `${lost.length} places have no master` : this.reason
  }

  onWhole(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  failed(error: unknown): void {
    if (error instanceof Error && elsewhere.test(error.message)) this.nudge()
  }

  close(): void {
    this.isClosed = true
    this.nudge()
    for (const connection of this.connections.values()) connection.close()
  }

  private async keepLooking(): Promise<void> {
    while (!this.isClosed) {
      const { signal } = this.nudged
      await this.look().catch((error: unknown) => {
        this.reason = error instanceof Error ? error.message : String(error)
      })
      const pauseMs = this.present.isWhole ? REFRESH_MS : RETRY_MS
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) {
        this.nudged = new AbortController()
        await delay((RETRY_MS / 4) * Math.random()) // and many errors at once are one reason to look
      }
    }
  }

  private readonly nudge = (): void => this.nudged.abort()

  private async look(): Promise<void> {
    const ranges = await this.askForRanges()
    this.known = new Set([...this.address.nodes, ...ranges.flatMap(({ address, replicas }) => [address, ...replicas])])
    const mapped = new ClusterTopology(ranges, this.slots, this.connectionTo)
    const learnt = Promise.all(mapped.masters.map(({ connection }) => connection.learnLineage()))
    await Promise.race([learnt, delay(ASK_TIMEOUT_MS, undefined, { ref: false })]) // one that is silent is cut elsewhere
    if (this.isClosed) return
    this.put(new ClusterTopology(ranges, this.slots, this.connectionTo))
    this.closeOthers()
  }

  private put(found: ClusterTopology): void {
    if (found.equals(this.present)) return
    this.present = found
    if (found.isWhole) for (const listener of this.listeners) listener()
  }

  private readonly connectionTo = (address: string): Connection => {
    const known = this.connections.get(address)
    if (known) return known
    const connection = new Connection({ ...this.options, url: this.address.urlOf(address), onLost: this.nudge })
    connection.onReady(this.nudge)
    this.connections.set(address, connection)
    return connection
  }

  private closeOthers(): void {
    const wanted = new Set(this.present.masters.map(({ connection }) => connection))
    for (const [address, connection] of this.connections) {
      if (wanted.has(connection)) continue
      this.connections.delete(address)
      connection.close()
    }
  }

  /** Whoever answers first: a node that is away must not hold the search up. */
  private async askForRanges(): Promise<SlotRange[]> {
    const connected = [...this.connections].filter(([, { number }]) => number !== undefined)
    const asked = connected.map(([address, { redis }]) => rangesBy(redis, address))
    return Promise.any(asked)
      .catch(() => Promise.any(Array.from(this.known, (address) => this.askStranger(address))))
      .catch((error: unknown) => {
        const reasons = error instanceof AggregateError ? error.errors.map(String) : [String(error)]
        throw new Error(`no node says who holds which slots: ${[...new Set(reasons)].join('; ')}`, { cause: error })
      })
  }

  private async askStranger(address: string): Promise<SlotRange[]> {
    const redis = new Redis(this.address.urlOf(address), {
      connectionName: `freshet-${this.options.role}`,
      connectTimeout: ASK_TIMEOUT_MS,
      lazyConnect: true,
      retryStrategy: () => null,
    })
    redis.on('error', () => undefined) // the command says so too
    try {
      return await rangesBy(redis, address)
    } finally {
      redis.disconnect()
    }
  }
}

async function rangesBy(redis: Redis, asked: string): Promise<SlotRange[]> {
  const ranges = await Promise.race([redis.cluster('SLOTS'), overdue(asked)])
  return ranges.flatMap(([from, to, ...nodes]) => {
    // without a host: the one that was asked
    const [address, ...replicas] = nodes.map(([host, port]) => `${hostText(host) || hostOf(asked)}:${port}`)
    return address === undefined ? [] : [{ from, to, address, replicas }]
  })
}

const hostText = (host: string | null): string => (host?.includes(':') ? `[${host}]` : (host ?? ''))

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'))

async function overdue(address: string): Promise<never> {
  await delay(ASK_TIMEOUT_MS, undefined, { ref: false })
  throw new Error(`${address} did not answer in ${ASK_TIMEOUT_MS} ms`)
}
