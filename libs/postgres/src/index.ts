export { ReplicationLostError, ReplicationRefusedError } from './replication/errors.js'
export { flushLog } from './replication/flush-log.js'
export { ReplicationStream, type Received, type ReplicationOptions } from './replication/replication-stream.js'
export { createSlot, dropSlot, readSlot, type CreateSlotOptions, type SlotFacts } from './replication/slot.js'
export { takeCommitToken, type RowsHandle } from './snapshot/commit-token.js'
export { takeFloor } from './snapshot/floor.js'
export { readSystemIdentity, type SystemIdentity } from './snapshot/identity.js'
export { withConnection } from './snapshot/lent-connection.js'
export { createPool, type Database, type PoolOptions } from './snapshot/pool.js'
export { takeSnapshot, takeTablesSnapshot, type PrimarySnapshot, type TablesSnapshot } from './snapshot/snapshot.js'
export { StandbyRefusedError } from './snapshot/standby-refused.js'
export { takeStandbyView, type StandbyView } from './snapshot/standby-view.js'
export { describeTables } from './tables/describe.js'
export type {
  ColumnFacts,
  LeafFacts,
  PrimaryKey,
  RelationKind,
  ReplicaIdentity,
  TableFacts,
  UniqueIndex,
} from './tables/facts.js'
export { tableFingerprint } from './tables/fingerprint.js'
export { alterPublications, PublicationLockedError, readPublications, type AlterOptions } from './tables/publication.js'
export {
  appendPublication,
  createMissingPublications,
  planPublications,
  publicationMark,
  publicationNames,
  type PublicationFault,
  type PublicationPlan,
  type PublicationState,
  type PublicationWish,
  type PublishedTable,
} from './tables/publication-plan.js'
export {
  oldColumnsOf,
  publishable,
  type InsertsOnlyReason,
  type Publishable,
  type UnsupportedReason,
} from './tables/publishable.js'
export { quoteIdentifier, quoteLiteral, quoteTable } from './tables/quote.js'
