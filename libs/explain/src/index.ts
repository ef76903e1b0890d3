export { undeclaredIn, type ChangeFault } from './change/undeclared.js'
export { dryRun, explainKeyForChanges, plannedChange, plannedChanges, type DryRun } from './change/changes.js'
export { graphFormats, graphText, type GraphFormat } from './graph/graph-text.js'
export type { FencingChange } from './history/fencing-change.js'
export {
  readHistory,
  type AskedRefresh,
  type Hops,
  type KeyHistory,
  type KeyOfInterest,
  type LastFence,
  type PlacedTag,
} from './history/key-history.js'
export { ReadBackTimeoutError, type ReadBack } from './history/read-back.js'
export { readCached, type CachedKey, type CachedTag, type CachedValue } from './key/cached-key.js'
export { explainKeyNow, type ExplainedKey, type KeySources } from './key/explain-key-now.js'
export { accessesOf, type HotKeysSettings, type KeyAccesses, type Ranking } from './key/key-accesses.js'
export { KeyUnknownError } from './key/key-unknown-error.js'
export { fits, knownTags, TagUnknownError } from './tag-text.js'
export { FenceFeed, type FenceFeedOptions } from './watch/fence-feed.js'
export { type SeenCommit, type SeenFence } from './watch/seen-fence.js'
export { tagFilter, type TagFilter } from './watch/tag-filter.js'
