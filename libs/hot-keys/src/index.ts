export { AccessCounter, type AccessCounterOptions, type KeyCount } from './access-counter.js'
export { FleetKeys, type AccessReport, type RankedKey } from './fleet-keys.js'
export { defaultHotRule, FleetWindow, type FleetWindowOptions, type HotRule } from './fleet-window.js'
export { HeavyKeeper, type SketchSize } from './heavy-keeper.js'
