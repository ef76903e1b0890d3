// For tests and benchmarks of the reference domain's rules.
export { knownKeys, type KnownKey, type KnownWorld } from './testing/known-keys.js'
export {
  Precision,
  PRECISION_FLOOR,
  type Figures,
  type MeasuredWrite,
  type RuleFigures,
  type TemplateFigures,
} from './testing/precision.js'
export { precisionTables } from './testing/precision-tables.js'
export { someWrite, type Write } from './testing/writes.js'
