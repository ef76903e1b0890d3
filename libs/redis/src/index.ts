export { clusterAddress, type ClusterAddress } from './address.js'
export { connectRedis } from './connect.js'
export type {
  AppliedMark,
  CatalogInForce,
  Cursor,
  CursorMove,
  FenceSession,
  FenceStore,
  HotHour,
  HotHourKey,
  PruneOutcome,
  ShardFence,
  TakeFloor,
} from './fence-store.js'
export type { RedisHealth, RedisOptions, RedisPort, ReplicaWait } from './port.js'
export type { Finding } from './preflight.js'
export { placesOf, shardFences, type TagFence } from './shard-fences.js'
export { FenceUnavailableError, ReplicasBehindError, ValuesUnavailableError } from './unavailable.js'
export type { Captured, ReadReply, ReadRequest, ValueAddress, ValueStore } from './value-store.js'
