import type { FenceStore } from './fence-store.js'
import type { Finding } from './preflight.js'
import type { ValueStore } from './value-store.js'

export interface RedisOptions {
  /**
   * `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS; of a Cluster
   * `redis+cluster://[user:password@]host:port,host:port` with some of its nodes, or `rediss+cluster://`.
   */
  readonly url: string
  /** Stands before every key; installations that share a Redis differ in it. */
  readonly namespace: string
  /** `service` fences, and has patience; `client` reads values and fails fast, so that the source can answer. */
  readonly role: 'service' | 'client'
  /** How long a reply may take, in milliseconds, before the connection counts as lost; 5,000 for a service, 1,000 for a client. */
  readonly replyTimeoutMs?: number
  /** Fences of a service count only once this many replicas have them; by default they need not. */
  readonly wait?: ReplicaWait
  /** Told of each error of a connection, once an occurrence. */
  readonly onError?: (error: Error) => void
}

/** Redis's WAIT behind each fence. */
export interface ReplicaWait {
  /** Of each master. */
  readonly replicas: number
  /** In milliseconds; must stay below `replyTimeoutMs`. */
  readonly timeoutMs: number
}

/** Freshet's state in one Redis or Cluster, over one connection to each master. */
export interface RedisPort {
  readonly fences: FenceStore
  readonly values: ValueStore
  /** Resolves once connected. Throws FenceUnavailableError when that takes longer than `timeoutMs` (10,000). */
  ready(timeoutMs?: number): Promise<void>
  health(): RedisHealth
  /**
   * Names the Redis that is connected, as it is now: another one after a restart or a failover of any part of it. Undefined
   * while that is not known, also for good where the server does not say.
   */
  redisId(): string | undefined
  /** What about these servers would harm: a `fault` forbids the start, a `warning` is to be said. */
  preflight(): Promise<readonly Finding[]>
  close(): Promise<void>
}

export type RedisHealth = { readonly state: 'connected' } | { readonly state: 'disconnected'; readonly reason: string }
