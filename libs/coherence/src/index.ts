export {
  changedTables,
  continuityBreak,
  positionAt,
  type ContinuityBreak,
  type StreamMark,
  type StreamPosition,
} from './continuity.js'
export { needsSnapshot, refuseFill, type FillRefusal, type LoadView } from './fill.js'
export { isVouched, joinable, type Provenance } from './flight.js'
export { newGeneration, shardTagText, type ShardTag, type TagGeneration } from './generation.js'
export { cursorOfAll, holds, isOfLineage, type Lineage, type Speaker, type Written } from './home.js'
export { inherit, type Inheritance } from './inherit.js'
export { judgeRead, type FetchedGenerations, type MissReason, type ReadVerdict } from './read.js'
export {
  addTransactions,
  captureOf,
  floorPassed,
  isPrunable,
  needsFloor,
  openRecord,
  pruneRecord,
  setFloor,
  type CapturedRecent,
  type Floor,
  type Moment,
  type RecentRecord,
  type RecentTransaction,
  type TakenFloor,
} from './recent-record.js'
export { formatSnapshot, isVisible, parseSnapshot, type Snapshot } from './snapshot.js'
export { formatToken, parseToken } from './token-text.js'
export { contains, isHonoured, shownByStandby, type CommitToken, type Shown } from './token.js'
export { decodeValue, encodeValue, type StoredValue, type ValueHeader } from './value-codec.js'
export { isSameHistory, leastApplied, type AppliedWatermark, type History } from './watermark.js'
export {
  entriesOfRotation,
  entriesToAsk,
  isServableStale,
  refreshAfterMs,
  takesStale,
  windowEntry,
  windowsToOpen,
  type Rotation,
  type RotationCause,
  type StaleRequest,
  type WindowEntry,
} from './window.js'
