export { fits, knownTags, TagUnknownError } from './tag-text.js'
export { FenceFeed, type FenceFeedOptions } from './watch/fence-feed.js'
export { type SeenCommit, type SeenFence } from './watch/seen-fence.js'
export { tagFilter, type TagFilter } from './watch/tag-filter.js'
