export { InvalidationEngine, type EngineOptions } from './engine.js'
export type { HotKey, HotKeys, HotKeysSettings } from './hot-keys/hot-keys.js'
export type { InvalidationOccurrences } from './occurrences.js'
export { invalidationService } from './service.js'
