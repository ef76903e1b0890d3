import {
  FenceUnavailableError,
  type FenceSession,
  type FenceStore,
  type Finding,
  type RedisHealth,
  type RedisPort,
  type ValueStore,
} from '@freshet/redis'
import { FakeFenceSession } from './fake-fence-session.js'
import { FakeRedisState } from './fake-redis-state.js'
import { FakeValueStore } from './fake-value-store.js'

/** A Redis server in memory that several ports share. Decides by the same functions of @freshet/coherence as the scripts. */
export class FakeRedisServer extends FakeRedisState {
  private readonly ports = new Set<FakeRedis>()

  constructor(clock: () => number = Date.now) {
    super(clock)
  }

  connect(): RedisPort {
    const port = new FakeRedis(this)
    this.ports.add(port)
    return port
  }

  /** Cuts every connection; each port has a new one at once. */
  breakConnections(): void {
    for (const port of this.ports) port.reconnect()
  }
}

/** Modes: connected(number) -> closed. */
class FakeRedis implements RedisPort, FenceStore {
  readonly fences: FenceStore = this
  readonly values: ValueStore
  private connection: number | undefined = 1
  private readonly listeners = new Set<() => void>()

  constructor(private readonly state: FakeRedisState) {
    this.values = new FakeValueStore(state, () => this.connection === undefined)
  }

  reconnect(): void {
    if (this.connection === undefined) return
    this.connection++
    for (const listener of this.listeners) listener()
  }

  session(): FenceSession {
    const number = this.connection
    if (number === undefined) throw new FenceUnavailableError('open a session', 'closed')
    return new FakeFenceSession(this.state, () => this.connection !== number)
  }

  onReconnect(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async ready(): Promise<void> {
    if (this.connection === undefined) throw new FenceUnavailableError('connect', 'closed')
  }

  health(): RedisHealth {
    return this.connection === undefined ? { state: 'disconnected', reason: 'closed' } : { state: 'connected' }
  }

  redisId(): string | undefined {
    return this.connection === undefined ? undefined : this.state.redisId
  }

  async preflight(): Promise<readonly Finding[]> {
    return []
  }

  async close(): Promise<void> {
    this.connection = undefined
  }
}
