export {
  checkLayer,
  keysInL1,
  readHeld,
  type LayerVerdict,
  type NamedKey,
  type StaleValue,
} from './check/layer-check.js'
export { percentile } from './check/percentile.js'
export { seededRandom, type Random } from './load/random.js'
export { writeSteadily, type WriteLoad, type WriteOutcome } from './load/writer.js'
export { readSteadily, type ReadLoad, type ReadOutcome } from './load/readers.js'
export { writes, type WriteConnection, type WriteWorld, type Written } from './load/writes.js'
export { startSystem, type Api, type System, type SystemOptions } from './system/system.js'
