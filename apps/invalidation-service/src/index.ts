export { InvalidationEngine, type EngineOptions } from './engine.js'
export type { InvalidationOccurrences } from './occurrences.js'
export { invalidationService } from './service.js'
